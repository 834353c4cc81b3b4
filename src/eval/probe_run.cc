// Asks a model what probes want: answers that are generated, and NLL of choices, replies and texts.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "data/encode.h"
#include "eval/choice.h"
#include "eval/nll.h"
#include "eval/probes.h"
#include "eval/repetition.h"

namespace keel {
namespace {

constexpr int64_t kLongestPiece = 2048;  // of a text; longer ones are measured in pieces

// What the user says in round `round` of a talk, counted from 0; the prompt is said last.
const std::string& user_says(const Probe& probe, size_t round) {
  return round < probe.earlier.size() ? probe.earlier[round] : probe.prompt;
}

class Preparation {
 public:
  Preparation(const ChatModel& model, std::span<const Probe> probes, const ProbeRunOptions& options,
              std::vector<ErrorText>& problems)
      : model_(model), options_(options), problems_(problems), out_{.probes = probes, .options = options} {}

  void add(size_t index, const Probe& probe) {
    if (probe.type == "choice") return add_choices(index, probe);
    if (probe.type == "nll") return add_text(index, probe);
    const size_t tokens = most_tokens(probe);
    if (static_cast<int64_t>(tokens) >= context())
      return too_long(probe, probe.earlier.empty() ? "the prompt" : "the dialogue with its longest replies",
                      tokens);
    out_.asked.push_back(index);
  }

  PreparedProbes take() { return std::move(out_); }

 private:
  int64_t context() const { return model_.lm->max_positions(); }

  // Of what the last reply answers, when the replies before it are as long as they may be.
  size_t most_tokens(const Probe& probe) const {
    Json messages = user_message(user_says(probe, 0), options_.system);
    for (size_t round = 1; round <= probe.earlier.size(); ++round) {
      messages.push_back({{"role", "assistant"}, {"content", "…"}});
      messages.push_back({{"role", "user"}, {"content", user_says(probe, round)}});
    }
    const auto replies = static_cast<size_t>(options_.generate.max_new_tokens) * probe.earlier.size();
    return prompt_ids(model_, messages).size() + replies;
  }

  void too_long(const Probe& probe, const std::string& what, size_t tokens) {
    problems_.push_back({probe.where, fmt::format("{} has {} tokens", what, tokens),
                         fmt::format("at most the model's context of {}", context()),
                         "shorten it, or leave the item out"});
  }

  void add_choices(size_t index, const Probe& probe) {
    std::vector<Example> rows = choice_rows(model_, probe, options_.choice_score, options_.system);
    for (size_t c = 0; c < rows.size(); ++c) {
      if (rows[c].size() > context())
        return too_long(probe, fmt::format("choice {} with its prompt", c), rows[c].ids.size());
    }
    for (Example& row : rows) add_row(index, std::move(row));
  }

  void add_text(size_t index, const Probe& probe) {
    const bool text = probe.spec.contains("text");
    Record record{.place = probe.where};
    if (text) record.text = probe.spec["text"].get<std::string>();
    if (!text) record.messages = probe.spec["messages"], record.tools = probe.spec.value("tools", Json());
    const EncodeContext encode{.tokenizer = model_.tokenizer,
                               .chat_template = model_.chat_template,
                               .default_system = options_.system,
                               .cutoff_len = context(),
                               .pack_length = std::min(context(), kLongestPiece),
                               .overlength = text ? "split" : "drop"};
    EncodedRow row = text ? encode_text(record, encode) : encode_chat(record, encode);
    if (row.stats.dropped > 0)
      return too_long(probe, "the conversation", static_cast<size_t>(row.stats.longest));
    if (row.examples.empty())
      problems_.push_back({probe.where, row.refused ? sentence(*row.refused) : "nothing to measure",
                           "a text of two tokens, or a reply"});
    for (Example& example : row.examples) add_row(index, std::move(example));
  }

  void add_row(size_t index, Example row) {
    out_.rows.push_back(std::move(row));
    out_.probe_of.push_back(index);
  }

  const ChatModel& model_;
  const ProbeRunOptions& options_;
  std::vector<ErrorText>& problems_;
  PreparedProbes out_;
};

struct RowSum {
  double nll = 0;
  int64_t tokens = 0;
};

void settle_choice(const Probe& probe, const std::string& score, std::span<const RowSum> sums,
                   ProbeResult& result) {
  for (const RowSum& s : sums)
    result.choice_scores.push_back(score == "mean" ? s.nll / static_cast<double>(s.tokens) : s.nll);
  const auto best =
      static_cast<size_t>(std::ranges::min_element(result.choice_scores) - result.choice_scores.begin());
  const auto right = probe.spec["answer_index"].get<size_t>();
  result.answer = probe.spec["choices"][best].get<std::string>();
  result.right = best == right && std::isfinite(result.choice_scores[best]);  // a diverged model is not lucky
  result.nll = sums[right].nll;
  result.tokens = sums[right].tokens;
}

void settle_answer(const Probe& probe, const Answer& answer, ProbeResult& result) {
  result.right = result.checked() && check_answer(probe, answer.text);
  result.stopped = answer.stopped;
  result.rep4 = repetition(answer.ids, 4);
  result.answer = answer.text;
}

// results: of the group.
void measure_rows(ChatModel& model, const PreparedProbes& group, const std::function<void()>& on_row,
                  std::span<ProbeResult> results) {
  std::vector<RowSum> sums;
  const auto keep_sum = [&](const RowSignals& r) {
    sums.push_back({r.nll_sum(), r.example->supervised()});
    on_row();
  };
  nll_over(*model.lm, group.rows, {.max_tokens = 1024, .share_beginnings = true, .on_row = keep_sum});
  for (size_t begin = 0, end = 0; begin < sums.size(); begin = end) {
    const size_t index = group.probe_of[begin];
    while (end < sums.size() && group.probe_of[end] == index) ++end;
    ProbeResult& result = results[index];
    if (result.type == "choice") {
      settle_choice(group.probes[index], group.options.choice_score,
                    std::span(sums).subspan(begin, end - begin), result);
    } else {
      for (size_t i = begin; i < end; ++i) result.nll += sums[i].nll, result.tokens += sums[i].tokens;
    }
  }
}

// Talks in rounds: the model's own replies stand between what the user says. Talks that are the same so far
// get one reply.
class Talks {
 public:
  Talks(ChatModel& model, std::span<const PreparedProbes> groups)
      : model_(model), generator_(model, groups.front().options.generate) {
    for (const PreparedProbes& group : groups) {
      for (const size_t index : group.asked) {
        const Probe& probe = group.probes[index];
        talks_.push_back({.probe = probe,
                          .messages = user_message(user_says(probe, 0), group.options.system),
                          .longest = group.options.generate.max_new_tokens});
        rounds_ = std::max(rounds_, probe.earlier.size() + 1);
      }
    }
  }

  // The last replies, in the order of the groups and what they ask.
  std::vector<Answer> run(const std::function<void()>& on_answer) {
    for (size_t round = 0; round < rounds_; ++round) answer_round(round, on_answer);
    std::vector<Answer> answers;
    for (Talk& talk : talks_) answers.push_back(std::move(talk.answer));
    return answers;
  }

 private:
  struct Talk {
    const Probe& probe;
    Json messages;
    int64_t longest;  // reply
    Answer answer = {};
    size_t prompt = 0;  // of this round
  };

  void answer_round(size_t round, const std::function<void()>& on_answer) {
    std::map<std::pair<int64_t, std::string>, size_t> known;
    std::vector<std::vector<int32_t>> prompts;
    std::vector<int64_t> longest;
    for (Talk& talk : talks_) {
      if (talk.probe.earlier.size() < round) continue;
      const auto [at, fresh] = known.emplace(std::pair(talk.longest, to_line(talk.messages)), prompts.size());
      if (fresh) prompts.push_back(prompt_ids(model_, talk.messages)), longest.push_back(talk.longest);
      talk.prompt = at->second;
    }
    const auto answers = generator_.answer(prompts, {.on_answer = [&](size_t) { on_answer(); }}, longest);
    for (Talk& talk : talks_) {
      if (talk.probe.earlier.size() < round) continue;
      talk.answer = answers[talk.prompt];
      if (talk.probe.earlier.size() == round) continue;
      talk.messages.push_back({{"role", "assistant"}, {"content", talk.answer.text}});
      talk.messages.push_back({{"role", "user"}, {"content", user_says(talk.probe, round + 1)}});
    }
  }

  ChatModel& model_;
  Generator generator_;  // goes on where a talk's last round ended
  std::vector<Talk> talks_;
  size_t rounds_ = 0;
};

// Counts what is done; talks that share a reply count at the end.
class Progress {
 public:
  explicit Progress(std::span<const PreparedProbes> groups)
      : on_progress_(groups.front().options.on_progress) {
    for (const PreparedProbes& group : groups) {
      all_ += group.rows.size() + group.asked.size();
      for (const size_t index : group.asked) all_ += group.probes[index].earlier.size();
    }
  }
  void step() {
    if (on_progress_ && done_ + 1 < all_) on_progress_(++done_, all_);
  }
  void end() const {
    if (on_progress_ && all_ > 0) on_progress_(all_, all_);
  }

 private:
  const std::function<void(size_t, size_t)>& on_progress_;
  size_t all_ = 0, done_ = 0;
};

}  // namespace

PreparedProbes prepare_probes(const ChatModel& model, const std::vector<Probe>& probes,
                              const ProbeRunOptions& options, std::vector<ErrorText>& problems) {
  Preparation preparation(model, probes, options, problems);
  for (size_t i = 0; i < probes.size(); ++i) preparation.add(i, probes[i]);
  return preparation.take();
}

std::vector<ProbeResult> run_prepared(ChatModel& model, std::span<const PreparedProbes> groups) {
  std::vector<ProbeResult> results;
  if (groups.empty()) return results;
  for (const PreparedProbes& group : groups)
    for (const Probe& p : group.probes) results.push_back(unanswered(p));
  Progress progress(groups);
  const auto step = [&] { progress.step(); };
  std::span<ProbeResult> rest = results;
  for (const PreparedProbes& group : groups) {
    measure_rows(model, group, step, rest.first(group.probes.size()));
    rest = rest.subspan(group.probes.size());
  }
  const std::vector<Answer> answers = Talks(model, groups).run(step);
  size_t first = 0, next = 0;  // result of a group's first probe; answer
  for (const PreparedProbes& group : groups) {
    for (const size_t index : group.asked)
      settle_answer(group.probes[index], answers[next++], results[first + index]);
    first += group.probes.size();
  }
  progress.end();
  return results;
}

std::vector<ProbeResult> run_probes(ChatModel& model, const std::vector<Probe>& probes,
                                    const ProbeRunOptions& options) {
  std::vector<ErrorText> problems;
  const PreparedProbes prepared = prepare_probes(model, probes, options, problems);
  if (!problems.empty()) throw UserError(problems.front());
  return run_prepared(model, std::span(&prepared, 1));
}

}  // namespace keel
