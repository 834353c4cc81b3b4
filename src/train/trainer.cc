#include "train/trainer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "base/rng.h"
#include "data/sampler.h"
#include "optim/adamw.h"
#include "optim/schedule.h"
#include "train/progress.h"
#include "train/saver.h"
#include "train/step.h"
#include "train/window.h"

namespace keel {
namespace {

AdamW make_optimiser(const TrainJob& job) {
  std::vector<OptimParameter> trained;
  for (const Parameter& p : job.model.lm->parameters()) {
    if (p.tensor.requires_grad()) trained.push_back({.name = p.name, .tensor = p.tensor, .decay = p.decay});
  }
  if (trained.empty())
    throw UserError({.where = "freeze",
                     .found = "every parameter is frozen",
                     .wanted = "at least one to train",
                     .hint = "loosen the patterns"});
  return AdamW(std::move(trained), job.optim);
}

std::vector<int64_t> lengths_of(const std::vector<Example>& examples) {
  std::vector<int64_t> lengths;
  for (const Example& e : examples) lengths.push_back(static_cast<int64_t>(e.ids.size()));
  return lengths;
}

SamplerOptions sampler_options(const TrainOptions& o) {
  return {.batch_size = o.per_device_train_batch_size,
          .accumulation = o.gradient_accumulation_steps,
          .seed = static_cast<uint64_t>(o.seed)};
}

// One run from its first step to its end. The loop is `run`; everything else is a step of it.
class Run {
 public:
  explicit Run(const TrainJob& job)
      : job_(job),
        optimiser_(make_optimiser(job)),
        sampler_(lengths_of(job.train_set.examples), sampler_options(job.options)),
        step_(*job.model.lm, optimiser_,
              {.loss = job.loss,
               .loss_by_source = job.loss_by_source,
               .max_grad_norm = job.optim.max_grad_norm,
               .mean_over_nonzero = job.options.ytrainer_compat,
               .gradient_checkpointing = job.gradient_checkpointing}),
        rule_(job.options.token_batch, job.options.dynamic_token_batch),
        evaluator_(*job.model.lm, job.eval_sets, job.options.early_stopping_patience),
        progress_(job.run_dir, job.options.logging_steps, job.progress_name),
        saver_(job.model, optimiser_, job.run_dir) {
    at_.total_steps = summary_.total_steps =
        sampler_.total_steps(job.options.num_train_epochs, job.options.max_steps);
    summary_.ended = "finished";
  }

  TrainSummary run() {
    if (evaluator_.any()) summary_.before = evaluate();
    summary_.after = summary_.before;
    while (at_.step < summary_.total_steps && !ended_early_) {
      const StepPlan plan = sampler_.plan(at_.step);
      ++at_.step;
      at_.epoch = static_cast<double>(at_.step) / static_cast<double>(sampler_.steps_per_epoch());
      job_.options.token_batch > 0 ? train_windows(plan) : train_step(plan);
      after_step();
    }
    return finish();
  }

 private:
  void train_step(const StepPlan& plan) {
    std::vector<Batch> micro;
    for (const auto& members : plan.micro) {
      for (const auto& part : within_tokens(members)) micro.push_back(batch_of(part, job_.loss_reduction));
    }
    record(step_.run(micro, rates(static_cast<double>(at_.step - 1))), 0);
  }

  // token_batch: several optimiser steps within one sample; the schedule moves with the sample.
  void train_windows(const StepPlan& plan) {
    const Batch sample = batch_of(plan.micro.front(), "token");
    const int64_t k = rule_.k();
    const std::vector<Batch> windows =
        job_.options.ytrainer_compat ? split_windows_ytrainer(sample, k) : split_windows(sample, k);
    for (const Batch& window : windows) {
      StepRates r = rates(static_cast<double>(at_.step - 1));
      const double half_life = job_.optim.adam_beta2_half_life_tokens;
      if (half_life > 0) r.beta2_power = static_cast<double>(window.supervised()) / half_life;
      const StepOutcome outcome = step_.run(std::span(&window, 1), r);
      rule_.add(outcome.nll);
      record(outcome, k);
    }
  }

  // A micro-batch in pieces of at most pack_tokens: the step's denominator makes the pieces equal to the
  // whole.
  std::vector<std::vector<uint32_t>> within_tokens(const std::vector<uint32_t>& members) const {
    std::vector<std::vector<uint32_t>> parts;
    int64_t tokens = 0;
    for (const uint32_t m : members) {
      const auto length = static_cast<int64_t>(job_.train_set.examples[m].ids.size());
      if (parts.empty() || tokens + length > job_.pack_tokens) {
        parts.emplace_back();
        tokens = 0;
      }
      parts.back().push_back(m);
      tokens += length;
    }
    return parts;
  }

  Batch batch_of(const std::vector<uint32_t>& members, const std::string& reduction) const {
    std::vector<const Example*> examples;
    for (const uint32_t m : members) examples.push_back(&job_.train_set.examples[m]);
    return make_batch(examples, reduction);
  }

  StepRates rates(double done) {
    Rng dropout(static_cast<uint64_t>(job_.options.seed), "dropout", 0, updates_);
    StepRates r{
        .learning_rate = learning_rate_at(static_cast<int64_t>(done), summary_.total_steps, job_.optim),
        .dropout_key = dropout.next()};
    learning_rate_ = r.learning_rate;
    return r;
  }

  void record(const StepOutcome& outcome, int64_t token_batch) {
    ++updates_;
    if (!outcome.finite()) {
      warn("step {}: loss or gradient is not finite (loss {}, gradient norm {}); the step was skipped",
           at_.step, outcome.loss, outcome.grad_norm);
      if (++skipped_ >= 5)
        throw UserError(
            {.where = fmt::format("step {}", at_.step),
             .found = "five steps without a finite loss or gradient",
             .hint = "lower learning_rate; look at the rows of these steps; try precision: fp32"});
    }
    if (summary_.steps == 0) summary_.first_loss = outcome.loss;
    summary_.last_loss = outcome.loss;
    ++summary_.steps;
    progress_.on_step(at_, outcome, learning_rate_, token_batch);
  }

  void after_step() {
    const TrainOptions& o = job_.options;
    const bool last = at_.step == summary_.total_steps;
    const bool ends_epoch = at_.step % sampler_.steps_per_epoch() == 0;
    if (job_.stop_requested()) end_early("interrupted");
    const bool eval_now = last || (o.eval_steps > 0 ? at_.step % o.eval_steps == 0 : ends_epoch);
    if (evaluator_.any() && eval_now && !ended_early_) after_evaluation(evaluate());
    const bool save_now = o.save_steps > 0 ? at_.step % o.save_steps == 0 : ends_epoch;
    if (job_.save && (save_now || ended_early_) && !last) checkpoint();
    if (ends_epoch) keep_epoch(at_.step / sampler_.steps_per_epoch() - 1);
  }

  void keep_epoch(int64_t epoch) {  // checkpoint_epoch: weights kept for good
    const auto& wanted = job_.options.checkpoint_epoch;
    if (!job_.save || std::ranges::find(wanted, std::to_string(epoch)) == wanted.end()) return;
    timed([&] { saver_.weights(fmt::format("epoch-{}", epoch)); });
  }

  void after_evaluation(const EvalOutcome& outcome) {
    summary_.after = outcome;
    if (outcome.best) {
      summary_.best_step = at_.step;
      best_ = outcome;
      if (job_.save && job_.options.load_best_model_at_end && at_.step < summary_.total_steps)
        timed([&] { saver_.weights("best"); });
    }
    if (outcome.stop)
      end_early(fmt::format("stopped early: {} evaluations without a better validation loss",
                            job_.options.early_stopping_patience));
  }

  EvalOutcome evaluate() {
    EvalOutcome outcome;
    timed([&] { outcome = evaluator_.run(at_.step > 0); });
    progress_.on_eval(at_, outcome.row());
    return outcome;
  }

  void checkpoint() {
    timed([&] {
      const Json state{{"step", at_.step},          {"updates", updates_},
                       {"epoch", at_.epoch},        {"total_steps", summary_.total_steps},
                       {"seed", job_.options.seed}, {"best_step", summary_.best_step}};
      saver_.checkpoint(at_.step, state, job_.options.save_total_limit);
    });
  }

  template <class Work>
  void timed(Work work) {  // what is no training does not count as training time
    const Stopwatch clock;
    work();
    progress_.pause(clock.seconds());
  }

  void end_early(std::string why) {
    ended_early_ = true;
    summary_.ended = std::move(why);
  }

  TrainSummary finish() {
    summary_.tokens = progress_.tokens();
    summary_.supervised = progress_.supervised();
    summary_.seconds = progress_.seconds();
    summary_.tokens_per_s = progress_.tokens_per_s();
    summary_.supervised_per_s =
        summary_.seconds > 0 ? static_cast<double>(summary_.supervised) / summary_.seconds : 0;
    summary_.peak_memory_gb = peak_resident_gb();
    if (!job_.save) return summary_;
    const fs::path best = job_.run_dir / "best";
    const bool use_best =
        job_.options.load_best_model_at_end && best_ && summary_.best_step < at_.step && fs::exists(best);
    const fs::path target = job_.run_dir / "model";
    if (use_best) {
      fs::rename(best, target);
      summary_.after = *best_;
    } else {
      saver_.weights("model");
      fs::remove_all(best);
    }
    summary_.saved = target;
    return summary_;
  }

  const TrainJob& job_;
  AdamW optimiser_;
  Sampler sampler_;
  Step step_;
  TokenBatchRule rule_;
  Evaluator evaluator_;
  Progress progress_;
  Saver saver_;
  TrainSummary summary_;
  Position at_;
  std::optional<EvalOutcome> best_;
  double learning_rate_ = 0;
  uint64_t updates_ = 0;
  int64_t skipped_ = 0;
  bool ended_early_ = false;
};

}  // namespace

TrainSummary train(const TrainJob& job) { return Run(job).run(); }

}  // namespace keel
