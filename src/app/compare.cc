// keel compare: a plan of runs, each measured by the same items, to what is shown and what is not.
#include <fmt/format.h>

#include "app/commands.h"
#include "app/interpolation.h"
#include "app/interrupt.h"
#include "app/options_parse.h"
#include "app/resume.h"
#include "app/run_series.h"
#include "app/yardstick.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/names.h"
#include "experiment/conclusions.h"
#include "experiment/outcome_file.h"
#include "model/precision.h"
#include "report/frontier.h"
#include "report/html.h"

namespace keel {
namespace {

struct CompareOptions {
  std::string output_dir;
  bool resume = false, overwrite_output_dir = false, list = false;
  double max_time = 0;

  template <class V>
  void fields(V& v) {
    v.group("compare");
    v("output_dir", output_dir, "instead of the plan's");
    v("resume", resume, "go on: finished runs stay, the one under way goes on from its checkpoint");
    v("overwrite_output_dir", overwrite_output_dir, "replace an earlier comparison in output_dir");
    v("list", list, "print the runs that are left and the time they will take, and end");
    v("max_time", max_time, "minutes after which the run under way saves and all stops; 0: no limit",
      {.min = 0});
  }

  OutputFolder::Use use() const {
    if (resume) return OutputFolder::Use::resume;
    return overwrite_output_dir ? OutputFolder::Use::overwrite : OutputFolder::Use::fresh;
  }
};

// How the base model was measured, so that a plan that goes on measures in the same way.
struct BaseMeasures {
  Json how;  // suite, half, precision
  std::vector<ProbeResult> results;
};

class Compare {
 public:
  Compare(Plan plan, std::string plan_file, const CompareOptions& options)
      : plan_(std::move(plan)), plan_file_(std::move(plan_file)), options_(options), dir_(plan_.output_dir) {}

  int run() {
    const OutputFolder folder(dir_, options_.use());
    const std::string text = read_text(plan_file_);
    read_outcomes();
    write_file(dir_ / "plan.yaml", text);
    measure_base();
    scales_ = scales_of(plan_, suite_of(plan_).weights, base_.results);
    for (const auto& outcome : outcomes_)
      if (outcome) check_same_items(base_.results, *outcome, dir_ / "runs");
    if (run_series(series()) == RunEnd::interrupted) return interrupted() ? 130 : 0;
    finish();
    return 0;
  }

  int list() {
    read_outcomes();
    fmt::print("{}", left_table(schedule_of(series())));
    return 0;
  }

 private:
  void read_outcomes() {
    outcomes_.clear();
    for (const PlannedRun& run : plan_.runs) {
      outcomes_.push_back(read_outcome(plan_.folder_of(run)));
      if (outcomes_.back()) refuse_changes(run.config);
    }
  }

  RunSeries series() {
    RunSeries out{.what = "comparison",
                  .command = fmt::format("keel compare {} --resume", plan_file_),
                  .max_time = options_.max_time,
                  .runs = {},
                  .on_trained = [this](size_t run) { add_trained(run); },
                  .on_sick = [this](size_t run, const UserError& e) { add_sick(run, e); }};
    for (size_t i = 0; i < plan_.runs.size(); ++i) {
      const PlannedRun& run = plan_.runs[i];
      out.runs.push_back({.schedule = {.group = run.arm, .name = run.name()}, .config = run.config});
      if (outcomes_[i]) out.runs[i].schedule.seconds = outcomes_[i]->seconds;
      if (options_.resume) out.runs[i].config.train.resume_from_checkpoint = "true";
      if (!base_.how.empty())
        out.runs[i].config.model.precision = base_.how.at("precision").get<std::string>();
    }
    return out;
  }

  ChatModel load_base() const {
    RunConfig config = plan_.runs.front().config;
    if (!base_.how.empty()) config.model.precision = base_.how.at("precision").get<std::string>();
    return load_model(config, false);
  }

  void measure_base() {
    const fs::path how = dir_ / "base" / "how.json", items = dir_ / "base" / "items.jsonl";
    if (!fs::exists(how)) {
      ChatModel model = load_base();
      yardstick_.emplace(plan_, model);
      base_.results = yardstick_->measure(model, "base");
      base_.how = {{"suite", plan_.suite},
                   {"half", plan_.half},
                   {"precision", precision_name(model.lm->compute_dtype())}};
      make_folders(how.parent_path());
      write_file(items, items_text(base_.results));
      return write_file(how, base_.how.dump(2) + "\n");
    }
    base_ = {.how = read_json(how), .results = read_items(items)};
    for (const auto& [key, now] : {std::pair{"suite", plan_.suite}, std::pair{"half", plan_.half}})
      if (const std::string was = base_.how.at(key).get<std::string>(); was != now)
        throw UserError({.where = std::string("eval: ") + key,
                         .found = fmt::format("\"{}\", but this comparison began with \"{}\"", now, was),
                         .wanted = "one evaluation for all runs",
                         .hint = "set it back, or begin again in another --output_dir"});
  }

  RunOutcome outcome_of(const PlannedRun& run) const {
    return {.arm = run.arm, .rate = run.rate, .seed = run.seed, .ended = {}};
  }

  void add_trained(size_t i) {
    const PlannedRun& run = plan_.runs[i];
    const fs::path dir = plan_.folder_of(run);
    const Json figures = read_json(dir / "summary.json").at("figures");
    RunOutcome outcome = outcome_of(run);
    outcome.ended = figures.at("ended").get<std::string>();
    outcome.steps = figures.at("steps").get<int64_t>();
    outcome.tokens = figures.at("supervised_tokens").get<int64_t>();
    outcome.tokens_per_s = figures.at("tokens_per_s").get<double>();
    const Stopwatch clock;
    outcome.results = measure(run, saved_model(dir));
    outcome.seconds = figures.at("seconds").get<double>() + clock.seconds();
    check_same_items(base_.results, outcome, dir);
    keep(i, std::move(outcome));
    remove_tree(dir / "checkpoints");  // a run that is measured does not go on
    if (plan_.keep_models) return;
    remove_tree(dir / kInterpolatedFolder);
    remove_tree(dir / "model");
  }

  std::vector<ProbeResult> measure(const PlannedRun& run, const fs::path& trained) {
    if (!yardstick_) yardstick_.emplace(plan_, load_base());
    RunConfig config = run.config;
    config.model.precision = base_.how.at("precision").get<std::string>();
    ChatModel loaded = load_trained(config, trained);
    return yardstick_->measure(loaded, run.name());
  }

  void add_sick(size_t i, const UserError& error) {
    warn("{} ended sick and counts as a point that learned nothing: {}", plan_.runs[i].name(),
         error.text().found);
    RunOutcome outcome = outcome_of(plan_.runs[i]);
    outcome.ended = "sick";
    keep(i, std::move(outcome));
  }

  // The table is there as soon as a run is, and grows.
  void keep(size_t i, RunOutcome outcome) {
    write_outcome(plan_.folder_of(plan_.runs[i]), outcome);
    outcomes_[i] = std::move(outcome);
    write_file(dir_ / "results.csv", results_csv(scales_, base_.results, finished()));
  }

  std::vector<RunOutcome> finished() const {
    std::vector<RunOutcome> out;
    for (const auto& outcome : outcomes_)
      if (outcome) out.push_back(*outcome);
    return out;
  }

  void finish() {
    const std::vector<RunOutcome> runs = finished();
    const Findings findings = conclude(plan_, scales_, base_.results, runs);
    const std::string verdict = join(findings.sentences, "\n");
    Json facts{{"runs", runs.size()}, {"budget", plan_.budget}};
    if (!plan_.suite.empty()) facts["suite"] = fmt::format("{} ({})", plan_.suite, plan_.half);
    facts.update(version_facts());
    const Json summary{
        {"title", fmt::format("{}: {} compared", plan_.runs.front().config.model.model_name_or_path,
                              join(plan_.arms))},
        {"verdict", verdict},
        {"command", fmt::format("keel compare {} --output_dir NEW_FOLDER", (dir_ / "plan.yaml").string())},
        {"facts", facts},
        {"tables", findings.tables},
        {"frontier", findings.frontier}};
    write_file(dir_ / "results.csv", results_csv(scales_, base_.results, runs));
    write_file(dir_ / "frontier.svg", frontier_svg(findings.frontier));
    write_file(dir_ / "summary.json", summary.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
    write_report(dir_);
    log_line(verdict);
    fmt::print("{}\n", (dir_ / "report.html").string());
  }

  Plan plan_;
  std::string plan_file_;
  CompareOptions options_;
  fs::path dir_;
  std::vector<std::optional<RunOutcome>> outcomes_;  // of plan_.runs
  BaseMeasures base_;
  std::optional<Yardstick> yardstick_;
  Scales scales_;
};

}  // namespace

int run_compare(Args args) {
  CompareOptions options;
  const auto parsed = parse_command("compare", "PLAN.yaml", options, args, 1, 1);
  if (!parsed) return 0;
  Plan plan = read_plan(parsed->words[0], options.output_dir);
  Compare compare(std::move(plan), parsed->words[0], options);
  return options.list ? compare.list() : compare.run();
}

}  // namespace keel
