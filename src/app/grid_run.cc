#include "app/grid_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "app/interpolation.h"
#include "app/resume.h"
#include "app/run_series.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "config/dump.h"
#include "config/validate.h"
#include "corpus/mixing_grid.h"
#include "data/row_set.h"
#include "report/html.h"
#include "report/text_table.h"

namespace keel {
namespace {

constexpr int64_t kPatience = 2;  // evaluations, where the options give none

class Grid {
 public:
  explicit Grid(const RunConfig& config) : config_(config), dir_(config.train.output_dir) {
    std::vector<ErrorText> problems;
    arms_ = grid_arms(config.grid, config.data.mixing, problems);
    throw_problems(problems);
  }

  RunEnd run() {
    const OutputFolder folder(dir_, use_of(config_.train));
    if (!wants_resume(config_.train) || !fs::exists(dir_ / "config.yaml")) {
      RunConfig copy = config_;
      write_file(dir_ / "config.yaml", dump_config(copy.fields()));
    }
    RunSeries series{.what = "grid",
                     .command = fmt::format("keel train {} --resume", (dir_ / "config.yaml").string()),
                     .max_time = config_.train.max_time,
                     .runs = {},
                     .on_trained = [this](size_t run) { add_result(arms_[run]); }};
    for (const GridArm& arm : arms_)
      series.runs.push_back(
          {.schedule = {.group = arm.option, .name = arm.name()}, .config = config_of(arm)});
    const RunEnd end = run_series(std::move(series));
    if (end != RunEnd::interrupted) conclude();
    return end;
  }

 private:
  RunConfig config_of(const GridArm& arm) const {
    RunConfig own = config_;
    own.grid = {};
    arm.apply(own.data.mixing);
    own.train.output_dir = (dir_ / arm.name()).string();
    if (own.train.early_stopping_patience == 0) own.train.early_stopping_patience = kPatience;
    return own;
  }

  void add_result(const GridArm& arm) {
    const Json losses = read_json(dir_ / arm.name() / "summary.json").at("losses").at("after");
    ArmResult out{.arm = arm, .specialist = mean_of(SourceRole::specialist, losses)};
    out.general = config_.data.general_dataset.empty() ? mean_of(SourceRole::general, losses)
                                                       : loss_in(losses, "general_loss");
    results_.push_back(std::move(out));
  }

  // A loss that is no number is written as null.
  static double loss_in(const Json& losses, const std::string& name) {
    const Json& value = losses.at(name);
    return value.is_number() ? value.get<double>() : std::numeric_limits<double>::infinity();
  }

  // Over the sources of this role that have held-out rows.
  double mean_of(SourceRole role, const Json& losses) const {
    double sum = 0;
    int64_t count = 0;
    for (const DatasetSpec& spec : training_specs(config_.data)) {
      if (spec.role != role) continue;
      std::string name = "eval_loss/" + spec.label();
      if (is_only_validation(spec)) name = "eval_loss";
      if (!losses.contains(name)) continue;
      sum += loss_in(losses, name);
      ++count;
    }
    if (count > 0) return sum / static_cast<double>(count);
    const char* kind = role == SourceRole::specialist ? "specialist" : "general";
    throw UserError({.where = dir_.string(),
                     .found = fmt::format("no validation loss of the {} sources", kind),
                     .wanted = "held-out rows of specialist and of general sources, to compare the arms by",
                     .hint = "a larger val_size, or eval: FILE at each source"});
  }

  bool is_only_validation(const DatasetSpec& spec) const {
    const auto held_out = validation_specs(config_.data);
    return held_out.size() == 1 && held_out.front().label() == spec.label();
  }

  void conclude() const {
    const ArmResult& best = results_[winner_of(results_)];
    const std::string winner = best.arm.name(), model = saved_model(dir_ / winner).string();
    const std::string verdict = fmt::format(
        "{} wins: of the arms whose general loss is at most 1 % above the least one, it has the least "
        "specialist loss ({:.4f}; general {:.4f}).",
        winner, best.specialist, best.general);
    Json arms = Json::array(), rows = Json::array();
    TextTable table{.columns = {"arm", "specialist", "general"}, .rows = {}};
    for (const ArmResult& r : results_) {
      const std::string name = r.arm.name(), mark = name == winner ? "  ← wins" : "";
      arms.push_back({{"name", name},
                      {r.arm.option, r.arm.value},
                      {"specialist_loss", r.specialist},
                      {"general_loss", r.general}});
      table.rows.push_back(
          {name + mark, fmt::format("{:.4f}", r.specialist), fmt::format("{:.4f}", r.general)});
      rows.push_back(table.rows.back());
    }
    const Json grid{{"arms", arms}, {"winner", winner}, {"model", model}};
    const Json summary{
        {"title", fmt::format("Grid of {} runs", results_.size())},
        {"verdict", verdict},
        {"command", fmt::format("keel train {} --output_dir NEW_FOLDER", (dir_ / "config.yaml").string())},
        {"tables", Json::array({{{"title", "Loss per token of held-out rows, by arm"},
                                 {"columns", {"", "specialist", "general"}},
                                 {"rows", rows}}})}};
    write_file(dir_ / "grid.json", grid.dump(2) + "\n");
    write_file(dir_ / "summary.json", summary.dump(2) + "\n");
    write_report(dir_);
    info("{}{}", render_table(table), verdict);
    fmt::print("{}\n", model);
  }

  const RunConfig& config_;
  fs::path dir_;
  std::vector<GridArm> arms_;
  std::vector<ArmResult> results_;
};

}  // namespace

RunEnd grid_run(const RunConfig& config) { return Grid(config).run(); }

}  // namespace keel
