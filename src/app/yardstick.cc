#include "app/yardstick.h"

#include <algorithm>
#include <iterator>

#include "app/eval_suite.h"
#include "base/hash.h"
#include "eval/repetition.h"
#include "experiment/scale.h"

namespace keel {
namespace {

constexpr int64_t kPrompts = 16;

void add_rows(CausalLM& model, const std::vector<Example>& set, const char* dimension,
              std::vector<ProbeResult>& out) {
  const auto add = [&](const RowSignals& row) {
    if (row.example->supervised() == 0) return;
    ProbeResult r{.id = std::to_string(row.example - set.data()), .dimension = dimension, .type = "nll"};
    r.nll = row.nll_sum();
    r.tokens = row.example->supervised();
    r.group = dimension;
    r.content = hash64(std::as_bytes(std::span(row.example->ids)));
    out.push_back(std::move(r));
  };
  nll_over(model, set, {.on_row = add});
}

void add_answers(ChatModel& model, const SampleSet& prompts, const GenerateOptions& options,
                 std::vector<ProbeResult>& out) {
  std::vector<std::vector<int32_t>> ids;
  for (const SampleSet::Sample& s : prompts.samples) ids.push_back(s.prompt_ids());
  const std::vector<Answer> answers = generate(model, ids, options);
  for (size_t i = 0; i < answers.size(); ++i)
    out.push_back({.id = std::to_string(i),
                   .dimension = "samples",
                   .answer = answers[i].text,
                   .stopped = answers[i].stopped,
                   .rep4 = repetition(answers[i].ids, 4),
                   .type = "generate",
                   .group = "samples",
                   .content = hash64(std::as_bytes(std::span(ids[i])))});
}

}  // namespace

Suite suite_of(const Plan& plan) {
  if (plan.suite.empty()) return {};
  Suite suite = load_suite(plan.suite);
  keep_split(suite, plan.half);
  return suite;
}

Yardstick::Yardstick(const Plan& plan, const ChatModel& base) : suite_(suite_of(plan)) {
  const RunConfig& config = plan.runs.front().config;
  sets_ = load_run_data(config, base, {}).eval;
  generate_ = config.generate;
  generate_.temperature = 0;
  const auto writes = [](const ProbeGroup& group) {
    return std::ranges::any_of(group.probes, [](const Probe& p) { return p.type == "generate"; });
  };
  if (!sets_.domain.empty() && std::ranges::none_of(suite_.groups, writes))
    prompts_ = pick_samples(base, ExampleSet::of(sets_.domain), kPrompts);
}

std::vector<ProbeResult> Yardstick::measure(ChatModel& model, const std::string& name) const {
  std::vector<ProbeResult> out;
  add_rows(*model.lm, sets_.domain, kDomainRows, out);
  add_rows(*model.lm, sets_.general, kGeneralRows, out);
  if (!suite_.groups.empty()) std::ranges::move(ask_suite(suite_, model, name), std::back_inserter(out));
  if (!prompts_.samples.empty()) add_answers(model, prompts_, generate_, out);
  return out;
}

}  // namespace keel
