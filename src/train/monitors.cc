#include "train/monitors.h"

#include <algorithm>
#include <cmath>

#include "eval/choice.h"
#include "eval/generate.h"
#include "eval/nll.h"
#include "eval/repetition.h"
#include "train/replay.h"

namespace keel {
namespace {

constexpr int64_t kFewestPrompts = 2, kMostPrompts = 16;
constexpr int64_t kShortestAnswer = 16, kLongestAnswer = 96;
constexpr int64_t kMostRowTokens = 8192;
constexpr int64_t kMonitorTopK = 64;
constexpr int64_t kMostRows = 256;  // of a set
constexpr int64_t kSetsRead = 4;
constexpr size_t kFewestProbes = 8;  // the accuracy of fewer says nothing

std::vector<std::vector<int32_t>> prompts_of(const std::vector<Example>& rows, int64_t count) {
  std::vector<std::vector<int32_t>> out;
  for (const Example& e : rows) {
    const int64_t prompt = e.prompt_size();
    if (prompt < 2 || prompt == e.size()) continue;  // plain text has no prompt
    if (static_cast<int64_t>(out.size()) < count) out.emplace_back(e.ids.begin(), e.ids.begin() + prompt);
  }
  return out;
}

std::vector<std::vector<int32_t>> replies_of(const ExampleSet& set) {
  std::vector<std::vector<int32_t>> out;
  const int64_t all = static_cast<int64_t>(set.size());
  int64_t tokens = 0;
  for (const int64_t length : set.lengths()) tokens += length;
  const int64_t stride = std::max<int64_t>(1, (tokens + kRecited - 1) / kRecited);
  for (int64_t i = 0; i < all; i += stride) {
    const Example e = set[static_cast<size_t>(i)];
    std::vector<int32_t> reply;
    for (size_t t = 0; t < e.ids.size(); ++t)
      if (e.weight[t] != 0) reply.push_back(e.ids[t]);
    out.push_back(std::move(reply));
  }
  return out;
}

double copied_share(std::span<const Answer> answers, const std::vector<std::vector<int32_t>>& replies) {
  double sum = 0;
  for (const Answer& a : answers) {
    int64_t longest = 0;
    for (const auto& reply : replies) longest = std::max(longest, longest_common_run(a.ids, reply));
    if (!a.ids.empty()) sum += static_cast<double>(longest) / static_cast<double>(a.ids.size());
  }
  return sum / static_cast<double>(answers.size());
}

// Evenly spread, as many as fit into these tokens; none where that is too few. What is longer than the
// model's context is left out.
std::vector<Probe> probes_within(const ChatModel& model, std::vector<Probe> probes, int64_t tokens) {
  int64_t all = 0;
  std::erase_if(probes, [&](const Probe& p) {
    int64_t sum = 0, longest = 0;
    for (const Example& row : choice_rows(model, p, "mean", "")) {
      sum += row.size();
      longest = std::max(longest, row.size());
    }
    if (longest > model.lm->max_positions()) return true;
    all += sum;
    return false;
  });
  if (tokens <= 0) return {};
  const auto stride = static_cast<size_t>(std::max<int64_t>(1, (all + tokens - 1) / tokens));
  std::vector<Probe> out;
  for (size_t i = 0; i < probes.size(); i += stride) out.push_back(std::move(probes[i]));
  if (out.size() < kFewestProbes) out.clear();
  return out;
}

void measure_writing(ChatModel& model, const MonitorSets& sets, std::map<std::string, double>& out) {
  std::vector<std::vector<int32_t>> prompts = sets.domain_prompts;
  prompts.insert(prompts.end(), sets.general_prompts.begin(), sets.general_prompts.end());
  if (prompts.empty()) return;
  const std::vector<Answer> answers =
      generate(model, prompts, {.max_new_tokens = sets.plan.answer_tokens, .generate_batch = kMostPrompts});
  double repeated = 0, ended = 0;
  for (const Answer& a : answers) {
    repeated += repetition(a.ids, 4);
    ended += a.stopped ? 1 : 0;
  }
  out["rep4"] = repeated / static_cast<double>(answers.size());
  out["end_of_turn"] = ended / static_cast<double>(answers.size());
  if (!sets.domain_prompts.empty())
    out["copied"] = copied_share(std::span(answers).first(sets.domain_prompts.size()), sets.training_replies);
}

}  // namespace

MonitorPlan monitor_plan(double share, double tokens) {
  const double half = share * tokens / 2;  // for writing; the other one for reading
  if (half < static_cast<double>(kShortestAnswer * (kStepCost + kFewestPrompts))) return {};
  const auto within = [](double value, int64_t least, int64_t most) {
    return std::clamp(static_cast<int64_t>(std::min(value, 1e9)), least, most);
  };
  MonitorPlan plan;
  plan.prompts = within(half / static_cast<double>(kLongestAnswer), kFewestPrompts, kMostPrompts);
  plan.answer_tokens =
      within(half / static_cast<double>(kStepCost + plan.prompts), kShortestAnswer, kLongestAnswer);
  plan.row_tokens = within(half * 3 / kSetsRead, 0, kMostRowTokens);
  return plan;
}

MonitorSets make_monitor_sets(ChatModel& model, const MonitorPlan& plan, MonitorMaterial material) {
  if (!plan.any()) return {};
  MonitorSets out{.plan = plan};
  const auto rows_of = [&](const ExampleSet& set) { return set.spread(kMostRows, plan.row_tokens); };
  out.trained = rows_of(material.trained);
  const std::vector<Example> domain =
      material.validation.empty() ? out.trained : rows_of(ExampleSet::of(material.validation));
  out.domain = make_replay_set(*model.lm, domain, kMonitorTopK, plan.row_tokens);
  if (!material.general.empty())
    out.general =
        make_replay_set(*model.lm, rows_of(ExampleSet::of(material.general)), kMonitorTopK, plan.row_tokens);
  out.domain_prompts = prompts_of(domain, plan.prompts - plan.prompts / 2);
  out.general_prompts = std::move(material.general_prompts);
  const auto room = static_cast<size_t>(plan.prompts / 2);
  if (out.general_prompts.size() > room) out.general_prompts.resize(room);
  if (!out.domain_prompts.empty()) out.training_replies = replies_of(material.trained);
  out.probes = probes_within(model, std::move(material.probes), plan.row_tokens);
  return out;
}

std::map<std::string, double> measure_monitors(ChatModel& model, const MonitorSets& sets,
                                               std::optional<double> eval_loss) {
  std::map<std::string, double> out;
  if (!sets.plan.any()) return out;
  if (!sets.domain.empty()) out["kl_domain"] = divergence_over(*model.lm, sets.domain);
  if (!sets.general.empty()) out["kl_general"] = divergence_over(*model.lm, sets.general);
  if (!sets.trained.empty()) {
    const double loss = nll_over(*model.lm, sets.trained).mean();
    out["train_rows_loss"] = loss;
    if (eval_loss) out["train_gap"] = *eval_loss - loss;
  }
  if (!sets.probes.empty()) out["probe_accuracy"] = summarise(run_probes(model, sets.probes, {})).accuracy;
  measure_writing(model, sets, out);
  return out;
}

int64_t longest_common_run(std::span<const int32_t> a, std::span<const int32_t> b) {
  std::vector<int64_t> run(b.size() + 1, 0);  // that ends at this token of b and the last one of a
  int64_t longest = 0;
  for (const int32_t token : a) {
    for (size_t j = b.size(); j > 0; --j) {
      run[j] = b[j - 1] == token ? run[j - 1] + 1 : 0;
      longest = std::max(longest, run[j]);
    }
  }
  return longest;
}

}  // namespace keel
