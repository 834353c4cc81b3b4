#include "app/monitor_material.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "app/eval_suite.h"
#include "base/log.h"

namespace keel {
namespace {

// Trained for each measurement, that before training counted too; by the mean length of a row.
double tokens_a_measurement(const TrainOptions& o, const ExampleSet& set) {
  const std::vector<int64_t> lengths = set.lengths();
  const double epoch = std::accumulate(lengths.begin(), lengths.end(), 0.0);
  const double step = epoch / static_cast<double>(lengths.size()) *
                      static_cast<double>(o.per_device_train_batch_size * o.gradient_accumulation_steps);
  const double all = o.max_steps > 0 ? step * static_cast<double>(o.max_steps) : epoch * o.num_train_epochs;
  const double between = o.eval_steps > 0 ? step * static_cast<double>(o.eval_steps) : epoch;
  return all / (std::ceil(all / between) + 1);
}

struct GeneralMaterial {
  std::vector<Example> rows;
  std::vector<std::vector<int32_t>> prompts;
  std::vector<Probe> choices;
};

// The monitor half of the suite `general`: what the model answers freely, texts, questions with choices.
GeneralMaterial bundled_general(const ChatModel& model, bool chats) {
  GeneralMaterial out;
  const auto file = bundled_suite("general");
  if (!file) return out;
  Suite suite = load_suite(file->string());
  keep_split(suite, "monitor");
  std::vector<ErrorText> too_long;
  for (const ProbeGroup& group : suite.groups) {
    if (group.type == "nll")
      std::ranges::move(prepare_probes(model, group.probes, {}, too_long).rows, std::back_inserter(out.rows));
    if (group.type == "generate" && chats)
      for (const Probe& p : group.probes) out.prompts.push_back(prompt_ids(model, user_message(p.prompt)));
    if (chats)
      std::ranges::copy_if(group.probes, std::back_inserter(out.choices),
                           [](const Probe& p) { return p.type == "choice"; });
  }
  return out;
}

}  // namespace

MonitorSets monitors_of(const RunConfig& config, ChatModel& model, const RunData& data) {
  const TrainOptions& o = config.train;
  if (o.monitor_share == 0 || data.train.examples.empty()) return {};
  const MonitorPlan plan = monitor_plan(o.monitor_share, tokens_a_measurement(o, data.train.examples));
  if (!plan.any()) {
    info("monitors: none, the run is too short for a monitor_share of {}", o.monitor_share);
    return {};
  }
  GeneralMaterial general = bundled_general(model, o.stage == "sft");
  if (!data.eval.general.empty()) general.rows = data.eval.general;
  MonitorSets sets = make_monitor_sets(model, plan,
                                       {.trained = data.train.examples,
                                        .validation = data.eval.domain,
                                        .general = std::move(general.rows),
                                        .general_prompts = std::move(general.prompts),
                                        .probes = std::move(general.choices)});
  info(
      "monitors: with each evaluation {} answers of up to {} tokens, KL on {} and {} tokens, {} training "
      "rows, {} questions",
      sets.domain_prompts.size() + sets.general_prompts.size(), plan.answer_tokens, sets.domain.replayed(),
      sets.general.replayed(), sets.trained.size(), sets.probes.size());
  return sets;
}

}  // namespace keel
