// The run's console line and its metric rows.
#pragma once

#include <deque>
#include <filesystem>
#include <optional>

#include "base/clock.h"
#include "report/metric_writer.h"
#include "train/step.h"

namespace keel {

struct Position {
  int64_t step = 0, total_steps = 0;
  double epoch = 0;
};

double resident_gb();       // memory held now
double peak_resident_gb();  // most memory held so far

class Progress {
 public:
  Progress(const std::filesystem::path& run_dir, int64_t logging_steps, std::string name);

  void on_step(const Position& at, const StepOutcome& outcome, double learning_rate, int64_t token_batch);
  void on_eval(const Position& at, const Json& values);  // values: eval_loss, general_loss, …

  double seconds() const { return clock_.seconds() - paused_; }  // of training, evaluations not counted
  double wall_seconds() const { return clock_.seconds(); }
  int64_t tokens() const { return tokens_; }
  int64_t supervised() const { return supervised_; }
  double tokens_per_s() const { return seconds() > 0 ? static_cast<double>(tokens_) / seconds() : 0; }

  // Time spent outside steps (evaluation, saving) does not count as training time.
  void pause(double seconds) { paused_ += seconds; }

 private:
  void print(const Position& at, const StepOutcome& outcome, bool keep);
  double time_left(const Position& at) const;

  MetricWriter writer_;
  int64_t logging_steps_;
  std::string name_;
  Stopwatch clock_;
  double paused_ = 0;
  int64_t tokens_ = 0, supervised_ = 0;
  std::optional<double> eval_loss_;
  int64_t last_kept_percent_ = -1;
};

}  // namespace keel
