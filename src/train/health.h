// Watches the numbers of a run and says what looks wrong, with its likely cause: spikes each time (the first
// ten), everything else once a run. docs/sick-runs.md describes it for users. All that it knows is in its
// memory, so a resumed run judges as one that was never stopped.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "train/run_memory.h"
#include "train/step.h"

namespace keel {

struct HealthOptions {
  std::string loss_spike = "warn";  // off, warn, skip
  double loss_spike_z = 6;
  int64_t trained = 0, parameters = 0;  // values of the model
};

// A step with finite loss and gradient; under token_batch a sample with all its windows (the loss of a window
// tells more of its place in the reply than of the run's health).
struct Reading {
  int64_t step = 0;
  double learning_rate = 0;
  std::string rows = {};  // of the step, for messages
  double nll = 0;         // plain loss per supervised token: a weighting may hide that it has become hopeless
  double grad_norm = 0;   // before clipping; of windows their mean
  double weight = 0;      // mean token weight
  double hopeless = 0;    // share of the supervised tokens in the last loss zone (15 and more)
  int64_t supervised = 0;
};

std::string named_rows(std::span<const Batch> micro);  // "a.jsonl:1, a.jsonl:7, b.csv:3 and 5 more"

// Takes in the numbers of one more update, by its supervised tokens.
void add(Reading& reading, const StepOutcome& outcome);

struct BadUpdate {  // one whose loss or gradient norm was not finite
  int64_t step = 0;
  double loss = 0, grad_norm = 0, learning_rate = 0;
};

class Health {
 public:
  // What is usual is known from so many steps on, and half forgotten after about 35 (= 50 · ln 2).
  static constexpr int64_t kSpikeWarmUp = 20, kSpikeFade = 50;
  static constexpr int64_t kSpikesTold = 10;
  static constexpr size_t kSickStreak = 5;  // updates in a row that are not finite
  static constexpr int64_t kZoneSteps = 3;  // in a row
  static constexpr int64_t kEarly = 100;    // steps whose loss the later ones are compared with

  Health(HealthOptions options, HealthMemory memory)
      : options_(std::move(options)), memory_(std::move(memory)) {}

  const HealthMemory& memory() const { return memory_; }
  std::vector<std::string> warnings() const;  // of the whole run, for its summary

  // Judges a step before its update, then takes it in. False: a spike, and the update is to be left out.
  //
  // A spike lies loss_spike_z standard deviations above the mean of the steps before it: the loss, or the
  // logarithm of the gradient norm (norms are factors: their law is skewed, that of their logarithms is not).
  // A deviation below 0.01 · max(1, mean) of the loss or 0.1 of the logarithm is not believed in. What is
  // above goes into mean and variance only as far as the limit, so that one spike does not hide the next and
  // a lasting change is usual after a few steps. Six: a normal law never reaches it; an exponential one, as
  // skewed as the losses of single rows may be, with probability exp(-7), about once in 1,100 steps.
  bool accepts(const Reading& reading);

  // Loss or gradient of an update: finite, or not (said each time). sick: the run is to be stopped.
  void note_finite(int64_t step);
  void note_bad(const BadUpdate& update);
  const std::vector<BadUpdate>& streak() const { return streak_; }
  bool in_streak() const { return !streak_.empty(); }
  bool sick() const { return streak_.size() >= kSickStreak; }

  void begin_stage();                                     // other data: what is usual is learned anew
  void no_labels(int64_t step, const std::string& rows);  // a step without a supervised token
  // learning_rate: the option, as the stage has it. whole_run: there is no other stage, or none has a rate.
  void no_rate(size_t stage, bool whole_run, double learning_rate);
  // Losses per token of the same held-out rows before training and now, in the second half of the plan.
  void judge_evaluation(double before, double now);

 private:
  double judge(Moments& usual, double x, double least) const;  // its z; then takes x in
  void tell_spike(const Reading& reading, const std::string& found);
  void judge_labels(const Reading& reading);
  void judge_movement(const Reading& reading);
  void say_stuck(const std::string& found);
  void say(const std::string& kind, const std::string& text);  // once a run

  HealthOptions options_;
  HealthMemory memory_;
  std::vector<BadUpdate> streak_;  // since the last finite update; nothing is saved meanwhile
};

}  // namespace keel
