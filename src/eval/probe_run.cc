// Asks a model what probes want: answers that are generated, and NLL of choices, replies and texts.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "data/encode.h"
#include "eval/choice.h"
#include "eval/nll.h"
#include "eval/probes.h"
#include "eval/repetition.h"

namespace keel {
namespace {

constexpr int64_t kLongestPiece = 2048;  // of a text; longer ones are measured in pieces

class Preparation {
 public:
  Preparation(const ChatModel& model, const ProbeRunOptions& options, std::vector<ErrorText>& problems)
      : model_(model), options_(options), problems_(problems) {}

  void add(size_t index, const Probe& probe) {
    if (probe.type == "choice") return add_choices(index, probe);
    if (probe.type == "nll") return add_text(index, probe);
    auto ids = prompt_ids(model_, user_message(probe.prompt, options_.system));
    if (static_cast<int64_t>(ids.size()) >= context()) return too_long(probe, "the prompt", ids.size());
    out_.asked.push_back(index);
    out_.prompts.push_back(std::move(ids));
  }

  PreparedProbes take() { return std::move(out_); }

 private:
  int64_t context() const { return model_.lm->max_positions(); }

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
    for (Example& row : rows) out_.rows.push_back({index, std::move(row)});
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
    for (Example& example : row.examples) out_.rows.push_back({index, std::move(example)});
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

std::vector<RowSum> row_sums(ChatModel& model, const PreparedProbes& prepared) {
  std::vector<Example> rows;
  for (const auto& row : prepared.rows) rows.push_back(row.example);
  std::vector<RowSum> sums;
  nll_over(*model.lm, rows, {.on_row = [&](const RowSignals& r) {
    sums.push_back({std::accumulate(r.nll.begin(), r.nll.end(), 0.0), r.example->supervised()});
  }});
  return sums;
}

void settle_choice(const Probe& probe, const std::string& score, std::span<const RowSum> sums,
                   ProbeResult& result) {
  for (const RowSum& s : sums)
    result.choice_scores.push_back(score == "mean" ? s.nll / static_cast<double>(s.tokens) : s.nll);
  const auto best =
      static_cast<size_t>(std::ranges::min_element(result.choice_scores) - result.choice_scores.begin());
  const auto right = probe.spec["answer_index"].get<size_t>();
  result.answer = probe.spec["choices"][best].get<std::string>();
  result.right = best == right;
  result.nll = sums[right].nll;
  result.tokens = sums[right].tokens;
}

}  // namespace

PreparedProbes prepare_probes(const ChatModel& model, const std::vector<Probe>& probes,
                              const ProbeRunOptions& options, std::vector<ErrorText>& problems) {
  Preparation preparation(model, options, problems);
  for (size_t i = 0; i < probes.size(); ++i) preparation.add(i, probes[i]);
  return preparation.take();
}

std::vector<ProbeResult> run_prepared(ChatModel& model, const std::vector<Probe>& probes,
                                      const PreparedProbes& prepared, const ProbeRunOptions& options) {
  std::vector<ProbeResult> results;
  for (const Probe& p : probes)
    results.push_back({.id = p.id, .dimension = p.dimension, .type = p.type, .content = p.content});
  const std::vector<RowSum> sums = row_sums(model, prepared);
  for (size_t begin = 0, end = 0; begin < sums.size(); begin = end) {
    const size_t index = prepared.rows[begin].probe;
    while (end < sums.size() && prepared.rows[end].probe == index) ++end;
    ProbeResult& result = results[index];
    if (result.type == "choice") {
      settle_choice(probes[index], options.choice_score, std::span(sums).subspan(begin, end - begin), result);
    } else {
      for (size_t i = begin; i < end; ++i) result.nll += sums[i].nll, result.tokens += sums[i].tokens;
    }
  }
  GenerateEvents events;
  if (options.on_progress)
    events.on_answer = [&](size_t done) { options.on_progress(done, prepared.asked.size()); };
  const std::vector<Answer> answers = generate(model, prepared.prompts, options.generate, events);
  for (size_t i = 0; i < answers.size(); ++i) {
    ProbeResult& result = results[prepared.asked[i]];
    result.answer = answers[i].text;
    result.right = result.checked() && check_answer(probes[prepared.asked[i]], answers[i].text);
    result.stopped = answers[i].stopped;
    result.rep4 = repetition(answers[i].ids, 4);
  }
  return results;
}

std::vector<ProbeResult> run_probes(ChatModel& model, const std::vector<Probe>& probes,
                                    const ProbeRunOptions& options) {
  std::vector<ErrorText> problems;
  const PreparedProbes prepared = prepare_probes(model, probes, options, problems);
  if (!problems.empty()) throw UserError(problems.front());
  return run_prepared(model, probes, prepared, options);
}

}  // namespace keel
