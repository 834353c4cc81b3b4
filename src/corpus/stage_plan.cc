#include "corpus/stage_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "base/names.h"
#include "corpus/json_entry.h"

namespace keel {
namespace {

enum class StageBy { nothing, number, role };  // what an entry says of when it is trained

struct Strategy {
  const char* name;
  StageBy by;
  bool shares, replays, takes_k;
};

constexpr Strategy kStrategies[] = {
    {"concat", StageBy::nothing, false, false, false},
    {"multi_task", StageBy::nothing, true, false, false},
    {"sequential", StageBy::number, true, true, false},
    {"mixed_sequential", StageBy::role, true, true, false},
    {"dmt", StageBy::role, true, false, true},
};

const char* name_of(SourceRole role) { return role == SourceRole::specialist ? "specialist" : "general"; }

const Strategy& strategy_named(const std::string& name) {
  const auto* found = std::ranges::find_if(kStrategies, [&](const Strategy& s) { return name == s.name; });
  KEEL_CHECK(found != std::end(kStrategies), "mix_strategy is one of its choices");
  return *found;
}

class Planner {
 public:
  Planner(const std::vector<DatasetSpec>& specs, const MixingOptions& options,
          std::vector<ErrorText>& problems)
      : specs_(specs), options_(options), problems_(problems), strategy_(strategy_named(options.strategy)) {}

  std::vector<StagePlan> plan() {
    const size_t before = problems_.size();
    check_options();
    check_entries();
    const int64_t count = strategy_.by == StageBy::nothing ? 1 : count_stages();
    if (problems_.size() > before) return {};
    std::vector<StagePlan> stages;
    for (int64_t number = 1; number <= count; ++number) stages.push_back(stage(number));
    take_stages_list(stages);
    check_weights(stages);
    return stages;
  }

 private:
  void problem(std::string where, std::string found, std::string wanted, std::string hint = {}) {
    problems_.push_back({std::move(where), std::move(found), std::move(wanted), std::move(hint)});
  }

  void unused(const char* option, const std::string& value, const std::string& users,
              const std::string& hint = {}) {
    problem(option, fmt::format("{}: {} with mix_strategy: {}", option, value, strategy_.name),
            "mix_strategy: " + users, hint.empty() ? fmt::format("leave {} out", option) : hint);
  }

  void check_options() {
    const MixingOptions by_default;
    const auto is_set = [&](auto member) { return options_.*member != by_default.*member; };
    if (!strategy_.shares && is_set(&MixingOptions::alpha))
      unused("mix_alpha", fmt::format("{:g}", options_.alpha), "multi_task or another strategy with shares");
    if (!strategy_.shares && is_set(&MixingOptions::by))
      unused("mix_by", options_.by, "multi_task or another strategy with shares");
    if (!strategy_.replays && is_set(&MixingOptions::replay_ratio))
      unused("replay_ratio", fmt::format("{:g}", options_.replay_ratio), "sequential or mixed_sequential",
             strategy_.takes_k ? "dmt_k says how much dmt replays" : "");
    if (!strategy_.takes_k && is_set(&MixingOptions::dmt_k))
      unused("dmt_k", fmt::format("{:g}", options_.dmt_k), "dmt",
             strategy_.replays ? "replay_ratio says how much is replayed" : "");
    if (strategy_.by == StageBy::nothing && !options_.stages.is_null())
      unused("stages", shown(options_.stages), "sequential, mixed_sequential or dmt",
             "num_train_epochs and learning_rate are those of the only stage");
  }

  void check_entries() {
    for (const DatasetSpec& spec : specs_) {
      const auto idle = [&](const std::string& key, const std::string& users) {
        problem("datasets", fmt::format("{} for {}, and mix_strategy: {}", key, spec.label(), strategy_.name),
                "mix_strategy: " + users, "leave it out");
      };
      if (strategy_.by != StageBy::number && spec.stage > 0)
        idle(fmt::format("stage: {}", spec.stage), "sequential, which has numbered stages");
      if (strategy_.by != StageBy::role && spec.role != SourceRole::none)
        idle(fmt::format("role: {}", name_of(spec.role)), "mixed_sequential or dmt, which know roles");
      if (!strategy_.shares && spec.weight != 1)
        problem("datasets",
                fmt::format("weight: {:g} for {}, and mix_strategy: concat", spec.weight, spec.label()),
                "a strategy that uses it",
                "mix_strategy: multi_task, or leave the weight out (concat takes every sample once)");
    }
  }

  // 0: the entry does not say.
  int64_t stage_of(const DatasetSpec& spec) const {
    return strategy_.by == StageBy::number ? spec.stage : static_cast<int64_t>(spec.role);
  }

  int64_t count_stages() {
    std::set<int64_t> numbers;
    for (const DatasetSpec& spec : specs_) {
      numbers.insert(stage_of(spec));
      if (stage_of(spec) == 0)
        problem("datasets",
                fmt::format("no {} for {}, and mix_strategy: {}",
                            strategy_.by == StageBy::number ? "stage" : "role", spec.label(), strategy_.name),
                strategy_.by == StageBy::number ? "stage: 1, stage: 2, … for each source"
                                                : "role: specialist or role: general for each source",
                "sources with more than a path stand in the datasets list");
    }
    numbers.erase(0);
    const auto count = static_cast<int64_t>(numbers.size());
    if (count < 2)
      problem(
          "datasets", fmt::format("one stage alone, and mix_strategy: {}", strategy_.name),
          strategy_.by == StageBy::number ? "two stages or more" : "a specialist source and a general one",
          "mix_strategy: multi_task trains all sources together");
    else if (*numbers.rbegin() != count)
      problem("datasets", "stages " + list_of(numbers), "stages 1, 2, … without a gap");
    return count;
  }

  static std::string list_of(const std::set<int64_t>& numbers) {
    std::vector<std::string> words;
    for (const int64_t number : numbers) words.push_back(std::to_string(number));
    return join(words);
  }

  StagePlan stage(int64_t number) const {
    StagePlan out;
    for (size_t i = 0; i < specs_.size(); ++i) {
      const int64_t own = strategy_.by == StageBy::nothing ? 1 : stage_of(specs_[i]);
      if (own == number) out.fresh.push_back(i);
      if (own < number) out.replayed.push_back(i);
    }
    if (number == 1) return out;
    if (strategy_.takes_k)
      out.dmt_k = options_.dmt_k;
    else
      out.replay_ratio = options_.replay_ratio;
    return out;
  }

  void take_stages_list(std::vector<StagePlan>& stages) {
    const Json& list = options_.stages;
    if (list.is_null()) return;
    if (!list.is_array() || list.size() != stages.size())
      return problem(
          "stages",
          list.is_array() ? fmt::format("{} entries for {} stages", list.size(), stages.size()) : shown(list),
          "a list with one entry a stage, such as [{epochs: 1}, {epochs: 2, learning_rate: 1e-5}]");
    for (size_t i = 0; i < stages.size(); ++i) {
      const std::string where = fmt::format("stages[{}]", i);
      if (list[i].is_object())
        take_entry(JsonEntry(list[i], where, problems_), i, stages[i]);
      else
        problem(where, shown(list[i]), "an entry such as {epochs: 1, learning_rate: 1e-5}");
    }
  }

  void take_entry(JsonEntry entry, size_t number, StagePlan& stage) const {
    const auto above_0 = [](double value) { return value > 0; };
    const auto ratio = [](double value) { return value >= 0 && value <= 0.9; };
    stage.epochs = entry.number({"epochs", "num_train_epochs"}, above_0, "a number above 0");
    stage.max_steps = entry.whole({"max_steps"}, 1);
    stage.learning_rate = entry.number({"learning_rate", "lr"}, above_0, "a number above 0");
    const auto replay = entry.number({"replay_ratio"}, ratio, "a number from 0 to 0.9");
    stage.replay_ratio = replay.value_or(stage.replay_ratio);
    if (stage.epochs && stage.max_steps)
      entry.problem("max_steps", "epochs and max_steps, both", "one of them");
    if (replay && number == 0)
      entry.problem("replay_ratio", "in the first stage", "a later one: nothing was trained before");
    else if (replay && !strategy_.replays)
      entry.problem("replay_ratio", fmt::format("with mix_strategy: {}", strategy_.name),
                    "mix_strategy: sequential or mixed_sequential", "dmt_k says how much dmt replays");
    entry.unknown_keys();
  }

  // A weight says something only among several.
  void check_weights(const std::vector<StagePlan>& stages) {
    for (size_t i = 0; i < specs_.size(); ++i) {
      const auto one_of_several = [&](const StagePlan& s) {
        return (s.fresh.size() > 1 && std::ranges::count(s.fresh, i) > 0) ||
               (s.replayed.size() > 1 && std::ranges::count(s.replayed, i) > 0);
      };
      if (strategy_.by == StageBy::nothing || specs_[i].weight == 1) continue;
      if (std::ranges::none_of(stages, one_of_several))
        problem("datasets",
                fmt::format("weight: {:g} for {}, the only source of its stage", specs_[i].weight,
                            specs_[i].label()),
                "a second source beside it",
                "replay_ratio or dmt_k say how much of earlier stages is mixed in");
    }
  }

  const std::vector<DatasetSpec>& specs_;
  const MixingOptions& options_;
  std::vector<ErrorText>& problems_;
  const Strategy& strategy_;
};

}  // namespace

std::vector<StagePlan> plan_stages(const std::vector<DatasetSpec>& specs, const MixingOptions& options,
                                   std::vector<ErrorText>& problems) {
  return Planner(specs, options, problems).plan();
}

}  // namespace keel
