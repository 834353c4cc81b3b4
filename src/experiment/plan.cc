#include "experiment/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/names.h"
#include "config/settings.h"
#include "config/validate.h"
#include "config/values.h"
#include "experiment/arm_rules.h"
#include "experiment/compute.h"
#include "experiment/plan_file.h"

namespace keel {
namespace {

using Layer = std::vector<Setting>;

struct ArmEntry {
  std::string name;
  Layer options;
  std::vector<double> rates;  // empty: the plan's
};

const std::vector<std::string> kPlanKeys = {"output_dir", "base",       "arms",      "learning_rates",
                                            "seeds",      "eval",       "contrasts", "match",
                                            "budget",     "keep_models"};

class PlanReader : private PlanFile {
 public:
  PlanReader(const std::string& path, const std::string& output_dir) : PlanFile(path) {
    if (!output_dir.empty()) plan_.output_dir = output_dir;
  }

  Plan read() {
    check_keys("", kPlanKeys);
    read_output_dir();
    read_base();
    read_arms();
    rates_ = rates("/learning_rates");
    read_seeds();
    read_eval();
    plan_.budget = word("/budget", plan_.budget, {"tokens", "steps", "flops"});
    plan_.keep_models = yes_or_no("/keep_models", plan_.keep_models);
    read_match();
    read_contrasts();
    make_runs();
    check_measures();
    throw_problems(problems());
    return std::move(plan_);
  }

 private:
  std::vector<double> rates(const std::string& pointer) {
    return numbers<double>(
        pointer, [](const Json& v) { return v.is_number() && v.get<double>() > 0; },
        "a list of numbers above 0, such as [5e-5, 1e-4, 2e-4]");
  }

  void read_output_dir() {
    const std::string given = text("/output_dir", "");
    if (plan_.output_dir.empty()) plan_.output_dir = given;
    if (plan_.output_dir.empty())
      problem("", "no output_dir", "a folder for the comparison, such as output_dir: runs/compare");
  }

  // Options of keel train, as if each stood in a configuration file at its line of the plan.
  Layer settings(const std::string& pointer) {
    Layer out;
    for (const auto& item : value(pointer)->items()) {
      std::string key = item.key();
      std::ranges::replace(key, '-', '_');
      const auto node = read_yaml(item.value().dump());
      out.push_back({key, node ? *node : YAML::Node(), place(pointer + "/" + item.key())});
    }
    return out;
  }

  void read_base() {
    const Json* given = value("/base");
    if (given && given->is_string())
      base_ = read_config_file(given->get<std::string>());
    else if (given && given->is_object())
      base_ = settings("/base");
    else
      problem("/base", given ? "base: " + to_line(*given) : "no base",
              "options of keel train that all arms share, or the path of a configuration");
  }

  void read_arms() {
    const Json* given = value("/arms");
    if (!given || !given->is_object() || given->empty())
      return problem("/arms", given ? "arms: " + to_line(*given) : "no arms",
                     "arms: {NAME: {options of keel train}, …}");
    for (const auto& item : given->items()) read_arm(item.key(), item.value());
  }

  void read_arm(const std::string& name, const Json& options) {
    const std::string pointer = "/arms/" + name;
    const auto plain = [](unsigned char c) { return std::isalnum(c) || c == '.' || c == '-' || c == '_'; };
    if (!std::ranges::all_of(name, plain) || name.empty() || name[0] == '.')
      return problem(pointer, fmt::format("an arm named \"{}\"", printable(name)),
                     "letters, digits, '-', '_' and '.': the name becomes a part of folder names");
    ArmEntry arm{.name = name, .options = {}, .rates = {}};
    if (options.is_object()) {
      arm.options = settings(pointer);
      std::erase_if(arm.options, [](const Setting& s) { return s.key == "learning_rates"; });
      arm.rates = rates(pointer + "/learning_rates");
    } else if (!options.is_null()) {
      problem(pointer, fmt::format("{}: {}", name, to_line(options)), "options of keel train, or {}");
    }
    plan_.arms.push_back(name);
    arms_.push_back(std::move(arm));
  }

  void read_seeds() {
    seeds_ = numbers<int64_t>(
        "/seeds", [](const Json& v) { return v.is_number_integer() && v.get<int64_t>() >= 0; },
        "a list of whole numbers, such as [1, 2, 3]");
  }

  void read_eval() {
    const Json* given = value("/eval");
    if (!given) return;
    if (!given->is_object())
      return problem("/eval", "eval: " + to_line(*given), "{suite: …, half: …, domain: …}");
    check_keys("/eval", {"suite", "half", "domain"});
    plan_.suite = text("/eval/suite", "");
    plan_.half = word("/eval/half", plan_.half, {"monitor", "final", "all"});
    plan_.domain = word("/eval/domain", plan_.domain, {"eval_dataset", "suite"});
    for (const char* key : {"half", "domain"})
      if (plan_.suite.empty() && value(std::string("/eval/") + key) &&
          (std::string_view(key) == "half" || plan_.domain == "suite"))
        problem(std::string("/eval/") + key, fmt::format("{} without a suite", key),
                "eval: {suite: general, …}, or a suite of your own");
  }

  void read_match() {
    const Json* given = value("/match");
    if (!given || (given->is_string() && *given == "domain")) return;
    if (given->is_number())
      plan_.target = given->get<double>();
    else
      problem("/match", "match: " + to_line(*given),
              "domain (the best score that the arms share), or the domain score to match the arms at");
  }

  void read_contrasts() {
    const Json* given = value("/contrasts");
    if (!given) {
      for (size_t a = 1; a < arms_.size(); ++a) plan_.contrasts.push_back({arms_[a].name, arms_[0].name});
      return;
    }
    if (!given->is_array())
      return problem("/contrasts", "contrasts: " + to_line(*given), "a list of pairs: [[nlirg, plain]]");
    for (size_t i = 0; i < given->size(); ++i) read_contrast((*given)[i], "/contrasts/" + std::to_string(i));
  }

  void read_contrast(const Json& pair, const std::string& pointer) {
    const bool texts = pair.is_array() && pair.size() == 2 && pair[0].is_string() && pair[1].is_string();
    if (!texts) return problem(pointer, "a contrast " + to_line(pair), "two names of arms: [nlirg, plain]");
    const ArmPair named{pair[0].get<std::string>(), pair[1].get<std::string>()};
    for (const std::string& name : {named.arm, named.against})
      if (std::ranges::find(plan_.arms, name) == plan_.arms.end())
        problem(pointer, fmt::format("a contrast with \"{}\", which is no arm", name), join(plan_.arms),
                may_be_meant(name, plan_.arms));
    if (named.arm == named.against)
      problem(pointer, fmt::format("a contrast of {} with itself", named.arm), "two arms");
    if (std::ranges::find(plan_.contrasts, named) != plan_.contrasts.end())
      problem(pointer, "the same contrast twice: " + to_line(pair), "each pair once");
    plan_.contrasts.push_back(named);
  }

  void make_runs();
  void share_out_flops();
  PlannedRun run_of(const ArmEntry& arm, double rate, int64_t seed);
  void check_base(const LoadedRun& base);
  void check_arm(const ArmEntry& arm, RunConfig base);
  void check_measures();

  Plan plan_;
  Layer base_;
  std::vector<ArmEntry> arms_;
  std::vector<double> rates_;
  std::vector<int64_t> seeds_;
};

void PlanReader::check_base(const LoadedRun& base) {
  for (const auto& [name, where] : base.parsed.set_by)
    if (const std::string why = set_by_compare(name); !why.empty() && value("/base")->is_object())
      add({.where = where, .found = "base has " + name, .hint = why});
}

void PlanReader::check_arm(const ArmEntry& arm, RunConfig base) {
  const ArmBounds bounds{.budget = plan_.budget,
                         .has_max_steps = base.train.max_steps > 0,
                         .holds_out_rows = holds_out_rows(base.data)};
  RunConfig own = base;
  const ParseResult parsed = collect_settings(own.fields(), arm.options);
  const std::vector<FieldRef> was = base.fields(), now = own.fields();
  for (size_t i = 0; i < now.size(); ++i) {
    const auto where = parsed.set_by.find(now[i].name);
    if (where == parsed.set_by.end()) continue;
    const std::string why = shared_by_all(now[i], bounds);
    const std::string before = value_text(was[i]), after = value_text(now[i]);
    if (why.empty() || before == after) continue;
    add({.where = where->second,
         .found =
             fmt::format("arm {} changes {} ({}) from {} to {}", arm.name, now[i].name, why, before, after),
         .wanted = "the same in every arm: else what differs is not the method",
         .hint = now[i].name == "dataset"
                     ? "set it under base; with budget: steps, max_steps and no val_size "
                       "(eval_dataset instead) an arm may have rows of its own"
                     : "set it under base"});
  }
}

PlannedRun PlanReader::run_of(const ArmEntry& arm, double rate, int64_t seed) {
  PlannedRun run{.arm = arm.name, .rate = rate, .seed = seed, .config = {}};
  const Layer own{{"learning_rate", YAML::Node(fmt::format("{}", rate)), place("/learning_rates")},
                  {"seed", YAML::Node(std::to_string(seed)), place("/seeds")},
                  {"output_dir", YAML::Node(plan_.folder_of(run).string()), place("/output_dir")},
                  {"overwrite_output_dir", YAML::Node("false"), path()},
                  // what is measured has answers of its own
                  {"sample_count", YAML::Node("0"), path()},
                  {"monitor_share", YAML::Node("0"), path()}};
  const Layer layers[] = {base_, arm.options, own};
  const LoadedRun loaded = collect_run_config(layers);
  for (const ErrorText& p : loaded.parsed.problems) add(p);
  run.config = loaded.config;
  run.config.grid = {};
  run.config.train.resume_from_checkpoint.clear();
  run.config.train.allow_change.clear();
  run.config.train.max_time = 0;
  return run;
}

void PlanReader::make_runs() {
  const Layer only_base[] = {base_};
  const LoadedRun base = collect_run_config(only_base);
  check_base(base);
  if (rates_.empty()) rates_ = {base.config.optim.learning_rate};
  if (seeds_.empty()) seeds_ = {base.config.train.seed};
  for (const ArmEntry& arm : arms_) check_arm(arm, base.config);
  for (const int64_t seed : seeds_)
    for (const ArmEntry& arm : arms_)
      for (const double rate : arm.rates.empty() ? rates_ : arm.rates)
        plan_.runs.push_back(run_of(arm, rate, seed));
  if (plan_.budget == "flops" && problems().empty()) share_out_flops();
}

// The first arm trains as base says, the others as long as it takes for the same work.
void PlanReader::share_out_flops() {
  for (const ArmEntry& arm : arms_) {
    const auto run = std::ranges::find(plan_.runs, arm.name, &PlannedRun::arm);
    if (run->config.protection.distill)
      problem("/arms/" + arm.name, "budget: flops with a teacher, whose size the plan does not know",
              "budget: tokens or steps");
  }
  const double whole = passes_per_token(plan_.runs.front().config);
  for (PlannedRun& run : plan_.runs) {
    const double share = whole / passes_per_token(run.config);
    TrainOptions& train = run.config.train;
    train.num_train_epochs *= share;
    if (train.max_steps > 0)
      train.max_steps = std::max<int64_t>(1, std::llround(static_cast<double>(train.max_steps) * share));
  }
}

void PlanReader::check_measures() {
  if (plan_.runs.empty() || !problems().empty()) return;
  const DataOptions& data = plan_.runs.front().config.data;
  if (plan_.domain == "eval_dataset" && !has_validation(data))
    problem("/base", "nothing is held out, so no arm can show what it learned",
            "val_size or eval_dataset in base, or eval: {suite: FILE, domain: suite}");
  if (data.general_dataset.empty() && plan_.suite.empty())
    problem("/base", "nothing is measured that could be forgotten",
            "general_dataset in base, or eval: {suite: general}");
}

}  // namespace

std::string run_name(const std::string& arm, double rate, int64_t seed) {
  return fmt::format("{}_lr{}_seed{}", arm, rate, seed);
}

Plan read_plan(const std::string& path, const std::string& output_dir) {
  return PlanReader(path, output_dir).read();
}

}  // namespace keel
