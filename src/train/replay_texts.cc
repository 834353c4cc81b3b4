#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "base/rng.h"
#include "eval/generate.h"
#include "train/replay_prompts.h"
#include "train/replay_set.h"

namespace keel {
namespace {

constexpr size_t kTextsAtATime = 32;
constexpr int kRounds = 200;  // of a kind: a model that ends everything at once is not asked for ever

// How the model writes one text of a kind.
struct Writing {
  int64_t most_tokens;
  double temperature;
};
constexpr Writing kText{192, 1}, kQuestion{64, 1}, kReply{96, 1};
// Many short replies tell more than few long ones: what a tuned model gets wrong first is how an answer
// begins. Near the likeliest words, as that is what users read.
constexpr Writing kRequested{48, 0.7};

using Ids = std::vector<int32_t>;

class ReplayWriter {
 public:
  ReplayWriter(ChatModel& model, int64_t tokens, uint64_t seed)
      : model_(model), tokens_(tokens), seed_(seed), question_begin_(question_begin()) {}

  std::vector<Example> write() {
    const bool chats = !question_begin_.empty();
    write_until(chats ? tokens_ / 2 : tokens_, kText, [&](size_t n) { add_texts(n); });
    if (chats) {
      write_until(tokens_ * 3 / 4, kReply, [&](size_t n) { add_own_questions(n); });
      write_until(tokens_, kRequested, [&](size_t n) { add_requests(n); });
    }
    if (out_.empty())
      throw UserError({.where = "kl_replay",
                       .found = "the model writes nothing by itself: each text ends with its first token",
                       .wanted = "text that the model is to stay as it is on",
                       .hint = "kl_replay_dataset: FILE takes chats or texts of yours"});
    return std::move(out_);
  }

 private:
  // round(n): n texts more, which are about half as long as they may be.
  template <class Round>
  void write_until(int64_t tokens, const Writing& kind, Round round) {
    for (int i = 0; i < kRounds && written_ < tokens; ++i) {
      const int64_t missing = (tokens - written_) / (kind.most_tokens / 2) + 1;
      round(std::min(kTextsAtATime, static_cast<size_t>(missing)));
      const int64_t done = std::min(written_, tokens_);
      progress_line(fmt::format("text for kl_replay: {} of {} tokens", done, tokens_), done == tokens_);
    }
  }

  std::vector<Answer> sample(std::span<const Ids> prompts, const Writing& kind) {
    Rng seeds(seed_, "kl_replay text", 0, samples_++);
    return generate(model_, prompts,
                    {.max_new_tokens = kind.most_tokens,
                     .temperature = kind.temperature,
                     .generate_batch = static_cast<int64_t>(kTextsAtATime),
                     .seed = static_cast<int64_t>(seeds.next() >> 1)});
  }

  void add_texts(size_t count) {
    const std::vector<Ids> prompts(count, Ids{text_begin()});
    for (const Answer& text : sample(prompts, kText)) add(prompts.front(), text);
  }

  void add_own_questions(size_t count) {
    const std::vector<Ids> begins(count, question_begin_);
    std::vector<std::string> questions;
    for (const Answer& q : sample(begins, kQuestion)) {
      if (q.text.find_first_not_of(" \t\r\n") != std::string::npos) questions.push_back(q.text);
    }
    add_replies(questions, kReply);
  }

  void add_requests(size_t count) {
    std::vector<std::string> requests;
    for (size_t i = 0; i < count; ++i) requests.push_back(replay_prompt(seed_, requests_++));
    add_replies(requests, kRequested);
  }

  void add_replies(std::span<const std::string> questions, const Writing& kind) {
    std::vector<Ids> prompts;
    for (const std::string& q : questions) {
      Ids prompt = prompt_ids(model_, user_message(q));
      if (static_cast<int64_t>(prompt.size()) < model_.lm->max_positions())
        prompts.push_back(std::move(prompt));
    }
    const std::vector<Answer> answers = sample(prompts, kind);
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
  int64_t tokens_, written_ = 0;
  uint64_t seed_, samples_ = 0, requests_ = 0;
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
