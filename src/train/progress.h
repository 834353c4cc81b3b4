// The run's console line and its metric rows.
#pragma once

#include <filesystem>

#include "base/clock.h"
#include "report/metric_writer.h"
#include "train/run_memory.h"
#include "train/step.h"

namespace keel {

struct Position {
  int64_t step = 0, total_steps = 0;
  double epoch = 0;
};

struct UpdateNote {
  double learning_rate = 0;
  int64_t token_batch = 0;          // 0: off
  int64_t skipped = 0, spikes = 0;  // of the run so far
};

double resident_gb();       // memory held now
double peak_resident_gb();  // most memory held so far

class Progress {
 public:
  // sources: names of the datasets; with more than one, their shares of the tokens so far are logged.
  // resumed: what the run remembers; null for one from the start.
  Progress(const std::filesystem::path& run_dir, int64_t logging_steps, std::string name,
           std::vector<std::string> sources = {}, const RunMemory* resumed = nullptr);

  void count_monitors(double seconds) { memory_.monitor_seconds += seconds; }
  void count_tokens(size_t source, int64_t tokens) { memory_.source_tokens.at(source) += tokens; }

  void on_step(const Position& at, const StepOutcome& outcome, const UpdateNote& note);
  void on_eval(const Position& at, const Json& values);  // values: eval_loss, general_loss, …

  // Of training, evaluations not counted; of all sessions of a resumed run.
  double seconds() const { return memory_.seconds + clock_.seconds() - paused_; }
  int64_t tokens() const { return memory_.tokens; }
  int64_t supervised() const { return memory_.supervised; }
  double tokens_per_s() const { return seconds() > 0 ? static_cast<double>(tokens()) / seconds() : 0; }
  ProgressMemory memory() const;

  // Time spent outside steps (evaluation, saving) does not count as training time.
  void pause(double seconds);

 private:
  void print(const Position& at, const StepOutcome& outcome, bool keep);
  double time_left(const Position& at) const;
  Json source_shares() const;

  MetricWriter writer_;
  int64_t logging_steps_;
  std::string name_;
  std::vector<std::string> sources_;
  Stopwatch clock_;
  double paused_ = 0, paused_before_ = 0;  // in all, and before the first step of this session
  bool stepped_ = false;
  int64_t first_step_ = 0;  // done before this session
  ProgressMemory memory_;   // seconds: of earlier sessions
};

}  // namespace keel
