#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "base/rng.h"
#include "eval/generate.h"
#include "train/replay_set.h"

namespace keel {
namespace {

constexpr int64_t kTextTokens = 192, kQuestionTokens = 64;  // most of one
constexpr size_t kTextsAtATime = 32;
constexpr int kRounds = 400;  // without an end, a model that ends everything at once would be asked for ever

using Ids = std::vector<int32_t>;

class ReplayWriter {
 public:
  ReplayWriter(ChatModel& model, int64_t tokens, uint64_t seed)
      : model_(model), tokens_(tokens), seed_(seed), question_begin_(question_begin()) {}

  std::vector<Example> write() {
    write_until(question_begin_.empty() ? tokens_ : tokens_ / 2, [&] { add_texts(); });
    if (!question_begin_.empty()) write_until(tokens_, [&] { add_chats(); });
    if (out_.empty())
      throw UserError({.where = "kl_replay",
                       .found = "the model writes nothing by itself: each text ends with its first token",
                       .wanted = "text that the model is to stay as it is on",
                       .hint = "kl_replay_dataset: FILE takes chats or texts of yours"});
    return std::move(out_);
  }

 private:
  template <class Round>
  void write_until(int64_t tokens, Round round) {
    wanted_ = tokens;
    const int last = round_ + kRounds / 2;
    while (written_ < wanted_ && round_ < last) {
      round();
      ++round_;
      const int64_t done = std::min(written_, tokens_);
      progress_line(fmt::format("text for kl_replay: {} of {} tokens", done, tokens_), done == tokens_);
    }
  }

  // Texts are about half as long as they may be.
  size_t texts_of_round() const {
    const int64_t missing = (wanted_ - written_) / (kTextTokens / 2) + 1;
    return std::min(kTextsAtATime, static_cast<size_t>(missing));
  }

  std::vector<Answer> sample(std::span<const Ids> prompts, int64_t most_tokens) {
    Rng seeds(seed_, "kl_replay text", 0, samples_++);
    return generate(model_, prompts,
                    {.max_new_tokens = most_tokens,
                     .temperature = 1,
                     .generate_batch = static_cast<int64_t>(kTextsAtATime),
                     .seed = static_cast<int64_t>(seeds.next() >> 1)});
  }

  void add_texts() {
    const std::vector<Ids> prompts(texts_of_round(), Ids{text_begin()});
    for (const Answer& text : sample(prompts, kTextTokens)) add(prompts.front(), text);
  }

  void add_chats() {
    std::vector<Ids> prompts(texts_of_round(), question_begin_);
    const std::vector<Answer> questions = sample(prompts, kQuestionTokens);
    prompts.clear();
    for (const Answer& q : questions) {
      if (q.text.find_first_not_of(" \t\r\n") == std::string::npos) continue;
      Ids prompt = prompt_ids(model_, user_message(q.text));
      if (static_cast<int64_t>(prompt.size()) < model_.lm->max_positions())
        prompts.push_back(std::move(prompt));
    }
    const std::vector<Answer> answers = sample(prompts, kTextTokens);
    for (size_t i = 0; i < answers.size(); ++i) add(prompts[i], answers[i]);
  }

  void add(const Ids& prompt, const Answer& answer) {
    Ids own = answer.ids;
    if (answer.stopped)
      own.push_back(model_.stop_ids.front());  // any of them: what counts is the place before
    if (own.empty()) return;
    Example e{.ids = prompt, .place = "what the model wrote"};
    e.weight.assign(prompt.size(), 0);
    e.turn.assign(prompt.size(), -1);
    e.ids.insert(e.ids.end(), own.begin(), own.end());
    e.weight.resize(e.ids.size(), 1);
    e.turn.resize(e.ids.size(), 0);
    e.end_of_turn.resize(e.ids.size(), 0);
    written_ += static_cast<int64_t>(own.size());
    out_.push_back(std::move(e));
  }

  // The token that begins a text, or that ends one where there is no other.
  int32_t text_begin() const {
    for (const auto& token : {model_.special.bos(), model_.special.eos()}) {
      if (!token) continue;
      if (const auto id = model_.tokenizer.token_to_id(*token)) return *id;
    }
    return model_.stop_ids.empty() ? 0 : model_.stop_ids.front();
  }

  // The template up to where the text of a user message begins; empty where it has no such place.
  Ids question_begin() const {
    const std::string mark = "\x02question\x03";
    std::string text;
    try {
      text = model_.chat_template.render(user_message(mark)).text;
    } catch (const UserError&) {
      return {};
    }
    const size_t at = text.find(mark);
    return at == std::string::npos || at == 0 ? Ids{} : model_.tokenizer.encode(text.substr(0, at));
  }

  ChatModel& model_;
  int64_t tokens_, written_ = 0, wanted_ = 0;
  uint64_t seed_, samples_ = 0;
  int round_ = 0;
  Ids question_begin_;
  std::vector<Example> out_;
};

}  // namespace

std::vector<Example> write_replay_texts(ChatModel& model, int64_t tokens, uint64_t seed) {
  return ReplayWriter(model, tokens, seed).write();
}

std::vector<Example> pick_replay_texts(std::vector<Example> examples, int64_t tokens, uint64_t seed) {
  Rng(seed, "kl_replay pick").shuffle(std::span(examples));
  int64_t held = 0;
  size_t n = 0;
  while (n < examples.size() && held < tokens) held += examples[n++].supervised();
  examples.resize(n);
  return examples;
}

}  // namespace keel
