#include "train/trainer.h"

#include <ATen/record_function.h>
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <numeric>

#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/rng.h"
#include "train/beginning.h"
#include "train/companions.h"
#include "train/memory_plan.h"
#include "train/profile.h"
#include "train/progress.h"
#include "train/quarantine.h"
#include "train/rates.h"
#include "train/saver.h"
#include "train/sick_run.h"
#include "train/step.h"
#include "train/window.h"

namespace keel {
namespace {

// One run from its first step to its end. The loop is `run`; everything else is a step of it.
class Run {
 public:
  explicit Run(const TrainJob& job) : Run(job, state_to_resume(job)) {}

  TrainSummary run() {
    if (job_.save) check_disk(job_.run_dir, plan_of_disk(), saver_.sizes(), free_bytes(job_.run_dir));
    warn_of_idle_stages();
    if (has_cached_prefix())
      info("token_batch_prefix: cached is approximate; every {}th sample measures how far it is from exact",
           kMeasuredSamples);
    if (memory_.step == 0 && evaluator_.any()) memory_.before = memory_.after = evaluate();
    if (memory_.open_step) close_step();
    while (memory_.step < total_steps_ && memory_.ended.empty()) {
      saver_.check();
      const StepPlan plan = sampler_.plan(memory_.step);
      ++memory_.step;
      step_examples_.clear();
      if (sampler_.place(memory_.step - 1).step == 0) health_.begin_stage();
      count_sources(plan);
      job_.options.token_batch > 0 ? train_windows(plan) : train_step(plan);
      const bool may_stop = memory_.step < total_steps_ && !health_.in_streak();  // what is saved is sound
      if (may_stop && job_.stop_requested()) return interrupt();
      close_step();
    }
    return finish();
  }

 private:
  Run(const TrainJob& job, const RunState& state)
      : job_(job),
        optimiser_(make_optimiser(job)),
        companions_(job, optimiser_),
        sampler_(job.train_set.examples.lengths(), sampler_options(job), job.stages),
        total_steps_(sampler_.total_steps()),
        step_(*job.model.lm, optimiser_,
              {.loss = job.loss,
               .loss_by_source = job.loss_by_source,
               .max_grad_norm = job.optim.max_grad_norm,
               .mean_over_nonzero = job.options.ytrainer_compat,
               .recomputed_blocks = job.recomputed_blocks,
               .kl_replay = job.protection.kl_replay,
               .teaching = teaching_of(job.protection)},
              companions_.references()),
        memory_(memory_of(state, job)),
        rule_(job.options.token_batch, job.options.dynamic_token_batch, memory_.token_batch),
        evaluator_(*job.model.lm, job.eval_sets,
                   {.metric = job.options.metric_for_best_model,
                    .frontier_weight = job.options.frontier_weight,
                    .patience = job.options.early_stopping_patience},
                   memory_.evaluator),
        quarantine_(job.train_set.examples, job.save ? job.run_dir / "quarantine.jsonl" : fs::path(),
                    memory_.quarantine),
        health_(health_options(job), memory_.health),
        progress_(job.run_dir, job.options.logging_steps, job.progress_name, job.train_set.sources,
                  job.resume_from.empty() ? nullptr : &memory_),
        saver_(job.model, optimiser_, job.run_dir, job.options.async_save, companions_.recent()) {
    if (job.options.profile) profile_.emplace();
    if (job.resume_from.empty()) return;
    optimiser_.load_state(state.optimizer);
    companions_.load_state(state.optimizer);
    info("resumed behind step {} of {} ({})", memory_.step, total_steps_, job_.resume_from.string());
  }

  Position at() const {
    return {.step = memory_.step, .total_steps = total_steps_, .epoch = sampler_.epochs_done(memory_.step)};
  }

  void warn_of_idle_stages() {
    const std::vector<size_t> idle = stages_without_rate(sampler_, job_.optim);
    const bool all = idle.size() == sampler_.stages();
    for (size_t i = 0; i < (all ? 1 : idle.size()); ++i)
      health_.no_rate(idle[i], all, peak_rate(sampler_, job_.optim, idle[i]));
  }

  DiskPlan plan_of_disk() const {
    return disk_plan(sampler_, job_.options, memory_.step, evaluator_.chooses());
  }

  void count_sources(const StepPlan& plan) {
    for (const auto& members : plan.micro) {
      for (const uint32_t m : quarantine_.healthy(members)) {
        const ExampleSet& set = job_.train_set.examples;
        progress_.count_tokens(static_cast<size_t>(set.source(m)), set.length(m));
      }
    }
  }

  void train_step(const StepPlan& plan) {
    const StepRates r = rates();
    for (;;) {  // once more without the rows that turn out to be sick
      const auto length = [&](uint32_t m) { return job_.train_set.examples.length(m); };
      std::vector<std::vector<uint32_t>> parts;
      for (const auto& members : plan.micro)
        std::ranges::move(within_tokens(quarantine_.healthy(members), length, job_.pack_tokens),
                          std::back_inserter(parts));
      if (parts.empty()) return;
      std::vector<Batch> micro;
      for (const auto& part : parts) micro.push_back(batch_of(part, job_.loss_reduction));
      if (!has_labels(micro)) return;
      if (profile_) profile_->begin_step(micro);
      const StepOutcome outcome = step_.run(
          micro, r,
          [&](const StepOutcome& finite) {
            Reading reading = reading_of(micro, r);
            add(reading, finite);
            return health_.accepts(reading);
          },
          replay_for(micro));
      if (outcome.finite() || !rows_are_sick(parts, job_.loss_reduction, r))
        return record(outcome, r.learning_rate, 0);
    }
  }

  bool has_labels(std::span<const Batch> micro) {
    if (std::ranges::any_of(micro, [](const Batch& b) { return b.supervised() > 0; })) return true;
    health_.no_labels(memory_.step, named_rows(micro));
    ++memory_.skipped;
    return false;
  }

  Reading reading_of(std::span<const Batch> micro, const StepRates& r) const {
    return {.step = memory_.step, .learning_rate = r.learning_rate, .rows = named_rows(micro)};
  }

  bool rows_are_sick(const std::vector<std::vector<uint32_t>>& parts, const std::string& reduction,
                     const StepRates& r) {
    if (!job_.options.quarantine) return false;
    return quarantine_.search(memory_.step, parts, [&](const std::vector<uint32_t>& members) {
      return step_.fault_of(batch_of(members, reduction), r.dropout_key);
    });
  }

  // token_batch: several optimiser steps within one sample; the schedule moves with the sample.
  void train_windows(const StepPlan& plan) {
    const std::vector<uint32_t> members = quarantine_.healthy(plan.micro.front());
    if (members.empty()) return;
    const Batch sample = batch_of(members, "token");
    const int64_t k = rule_.k();
    if (!has_labels(std::span(&sample, 1))) return;
    Reading reading = reading_of(std::span(&sample, 1), rates());
    bool finite = true;
    std::vector<Batch> windows = windows_of(sample, k);
    if (!has_cached_prefix()) share_frozen_layers(*job_.model.lm, windows);
    for (const Batch& window : windows) {
      StepRates r = rates();
      r.against_exact = window.cached && &window == &windows.back() && is_measured(memory_.step);
      const double half_life = job_.optim.adam_beta2_half_life_tokens;
      if (half_life > 0) r.beta2_power = static_cast<double>(window.supervised()) / half_life;
      const std::span step(&window, 1);
      if (profile_) profile_->begin_step(step);
      const StepOutcome outcome = step_.run(step, r, {}, replay_for(step));
      if (!outcome.finite() && rows_are_sick({members}, "token", r)) return;
      rule_.add(outcome.nll);
      record(outcome, r.learning_rate, k);
      finite = finite && outcome.finite();
      if (finite) add(reading, outcome);
    }
    if (finite && reading.supervised > 0) health_.accepts(reading);
  }

  bool has_cached_prefix() const { return job_.options.token_batch_prefix == "cached"; }

  std::vector<Batch> windows_of(const Batch& sample, int64_t k) const {
    if (job_.options.ytrainer_compat) return split_windows_ytrainer(sample, k);
    std::vector<Batch> windows = split_windows(sample, k);
    if (has_cached_prefix()) use_cached_prefix(windows);
    return windows;
  }

  Batch batch_of(const std::vector<uint32_t>& members, const std::string& reduction) {
    RECORD_USER_SCOPE("keel::data");
    std::vector<const Example*> examples;
    for (const uint32_t m : members)
      examples.push_back(&step_examples_.emplace_back(job_.train_set.examples[m]));
    return make_batch(examples, reduction);
  }

  std::vector<ReplayBatch> replay_for(std::span<const Batch> micro) const {
    if (!job_.replay || job_.protection.kl_replay == 0) return {};
    RECORD_USER_SCOPE("keel::data");
    int64_t tokens = 0;
    for (const Batch& b : micro) tokens += b.tokens();
    const double share = job_.protection.kl_replay_ratio * static_cast<double>(tokens);
    return Replay(*job_.replay, static_cast<uint64_t>(job_.options.seed))
        .batches(memory_.updates, static_cast<int64_t>(share), job_.pack_tokens);
  }

  StepRates rates() const {
    Rng dropout(static_cast<uint64_t>(job_.options.seed), "dropout", 0, memory_.updates);
    return {.learning_rate = rate_of_step(sampler_, job_.optim, memory_.step - 1),
            .dropout_key = dropout.next()};
  }

  void record(const StepOutcome& outcome, double learning_rate, int64_t token_batch) {
    if (memory_.updates++ == 0) memory_.first_loss = outcome.loss;
    companions_.after_update(memory_.updates);
    if (outcome.prefix) keel::add(memory_.prefix, *outcome.prefix);
    if (!outcome.updated) ++memory_.skipped;
    if (outcome.finite()) {
      memory_.last_loss = outcome.loss;
      health_.note_finite(memory_.step);
    } else {
      health_.note_bad({.step = memory_.step,
                        .loss = outcome.loss,
                        .grad_norm = outcome.grad_norm,
                        .learning_rate = learning_rate});
    }
    progress_.on_step(at(), outcome,
                      {.learning_rate = learning_rate,
                       .token_batch = token_batch,
                       .skipped = memory_.skipped,
                       .spikes = health_.memory().spikes});
    if (health_.sick()) stop_sick();
  }

  // Whether the weights still give any of a few rows a finite loss and gradient.
  bool is_sound() {
    std::vector<uint32_t> few(std::min<size_t>(3, job_.train_set.examples.size()));
    std::iota(few.begin(), few.end(), 0U);
    return std::ranges::any_of(quarantine_.healthy(few),
                               [&](uint32_t m) { return step_.fault_of(batch_of({m}, "token"), 0).empty(); });
  }

  [[noreturn]] void stop_sick() {
    saver_.wait();  // what it writes may have to be set aside
    memory_.health = health_.memory();
    stop_sick_run({.memory = memory_,
                   .streak = health_.streak(),
                   .quarantined = static_cast<int64_t>(quarantine_.rows().size()),
                   .quarantine = job_.options.quarantine,
                   .learning_rate = job_.optim.learning_rate,
                   .run_dir = job_.save ? job_.run_dir : fs::path()});
  }

  // What belongs to a step that is trained: evaluation, then saving, so that a checkpoint holds what was
  // measured.
  void close_step() {
    memory_.open_step = false;
    const TrainOptions& o = job_.options;
    const int64_t step = memory_.step;
    const StepPlace at = sampler_.place(step - 1);
    const bool last = step == total_steps_;
    const auto due = [&](int64_t every) { return last || is_due(at, step, every); };
    if (evaluator_.any() && due(o.eval_steps)) after_evaluation(evaluate());
    if (health_.in_streak()) return;  // what cannot be trusted yet is not saved
    if (at.ends_epoch) keep_epoch(at.epoch);
    if (!due(o.save_steps) || last || !job_.save) return;
    const Json state = state_to_save();
    timed([&] { saver_.start_checkpoint(step, state, o.save_total_limit); });
  }

  void tell_profile() {
    if (!profile_ || profile_->totals().steps == 0) return;
    const StepProfile::Totals totals = profile_->totals();
    profile_.reset();
    info("where the time of {} steps went: {}", totals.steps, in_words(totals));
    if (job_.save) write_file(job_.run_dir / "profile.json", to_json(totals).dump(2) + "\n");
  }

  TrainSummary interrupt() {
    tell_profile();
    memory_.open_step = true;
    TrainSummary s = summary();
    s.ended = kInterrupted;
    if (!job_.save) return s;
    const Json state = state_to_save();
    timed([&] { s.saved = saver_.checkpoint(memory_.step, state, job_.options.save_total_limit); });
    return s;
  }

  void keep_epoch(int64_t epoch) {  // checkpoint_epoch: weights kept for good
    const auto& wanted = job_.options.checkpoint_epoch;
    if (!job_.save || std::ranges::find(wanted, std::to_string(epoch)) == wanted.end()) return;
    timed([&] { saver_.weights(fmt::format("epoch-{}", epoch)); });
  }

  void after_evaluation(const EvalOutcome& outcome) {
    memory_.after = outcome;
    if (outcome.domain && memory_.before.domain && memory_.step * 2 >= total_steps_)
      health_.judge_evaluation(*memory_.before.domain, *outcome.domain);
    if (outcome.best && job_.save && job_.options.load_best_model_at_end && memory_.step < total_steps_)
      timed([&] { saver_.weights("best"); });
    if (outcome.forgot) memory_.ended = forgot_too_much(outcome);
    if (outcome.stop)
      memory_.ended = fmt::format("stopped early: {} evaluations without a better {}",
                                  job_.options.early_stopping_patience, job_.options.metric_for_best_model);
  }

  // stop_on_forgetting; nothing before training.
  std::optional<double> most_general() const {
    const double share = job_.protection.stop_on_forgetting;
    if (share == 0 || memory_.step == 0 || !memory_.before.general) return std::nullopt;
    return *memory_.before.general * (1 + share);
  }

  std::string forgot_too_much(const EvalOutcome& outcome) const {
    const double before = *memory_.before.general;
    return fmt::format(
        "stopped early: the general loss rose by {:.1f} %, more than stop_on_forgetting ({:.1f} %){}",
        100 * (*outcome.general / before - 1), 100 * job_.protection.stop_on_forgetting,
        evaluator_.memory().best ? "; the best weights from before that are kept"
                                 : "; no evaluation came before that: set eval_steps lower");
  }

  // Earlier stages prepare, and weights that no longer give a finite loss are none: no candidates for the
  // best, and no reason to stop.
  bool is_candidate() const {
    return memory_.step > 0 && sampler_.place(memory_.step - 1).stage + 1 == sampler_.stages() &&
           !health_.in_streak();
  }

  EvalOutcome evaluate() {
    EvalOutcome outcome;
    timed([&] {
      outcome = evaluator_.measure();
      const Stopwatch clock;
      outcome.monitors = measure_monitors(job_.model, job_.eval_sets.monitors, outcome.domain);
      progress_.count_monitors(clock.seconds());
      evaluator_.judge(outcome, memory_.step, is_candidate(), most_general());
    });
    progress_.on_eval(at(), outcome.row());
    return outcome;
  }

  // The metrics that it counts are on the disk before a checkpoint can be.
  Json state_to_save() {
    memory_.evaluator = evaluator_.memory();
    memory_.token_batch = rule_.memory();
    memory_.quarantine = quarantine_.rows();
    memory_.health = health_.memory();
    memory_.progress = progress_.memory();
    return to_json(memory_);
  }

  template <class Work>
  void timed(Work work) {  // what is no training does not count as training time
    RECORD_USER_SCOPE("keel::aside");
    const Stopwatch clock;
    work();
    progress_.pause(clock.seconds());
  }

  TrainSummary summary() const {
    TrainSummary s{.steps = static_cast<int64_t>(memory_.updates),
                   .total_steps = total_steps_,
                   .tokens = progress_.tokens(),
                   .supervised = progress_.supervised(),
                   .seconds = progress_.seconds(),
                   .tokens_per_s = progress_.tokens_per_s(),
                   .peak_memory_gb = peak_resident_gb(),
                   .first_loss = memory_.first_loss,
                   .last_loss = memory_.last_loss,
                   .before = memory_.before,
                   .after = memory_.after,
                   .monitor_seconds = progress_.memory().monitor_seconds,
                   .quarantined = static_cast<int64_t>(quarantine_.rows().size()),
                   .skipped = memory_.skipped,
                   .warnings = health_.warnings(),
                   .best_step = evaluator_.memory().best_step,
                   .ended = memory_.ended.empty() ? "finished" : memory_.ended};
    s.supervised_per_s = s.seconds > 0 ? static_cast<double>(s.supervised) / s.seconds : 0;
    return s;
  }

  TrainSummary finish() {
    tell_profile();
    if (health_.in_streak() && (health_.memory().finite_step == 0 || !is_sound())) stop_sick();
    if (memory_.prefix.count > 0) info("{}", text_of(memory_.prefix));
    TrainSummary s = summary();
    if (!job_.save) return s;
    const EvaluatorMemory& e = evaluator_.memory();
    const bool best = job_.options.load_best_model_at_end && e.best && e.best_step < memory_.step &&
                      fs::exists(job_.run_dir / "best");
    s.saved_is_in_memory = !best;
    if (best) {
      s.after = *e.best;
      s.saved = saver_.link("best", "model");
    } else {
      s.saved = saver_.weights("model");
      remove_tree(job_.run_dir / "best");
    }
    saver_.prune(memory_.step, job_.options.save_total_limit);
    return s;
  }

  const TrainJob& job_;
  AdamW optimiser_;
  Companions companions_;
  Sampler sampler_;
  int64_t total_steps_;
  Step step_;
  RunMemory memory_;  // what its parts below remember: as they were at the last checkpoint
  TokenBatchRule rule_;
  Evaluator evaluator_;
  std::deque<Example> step_examples_;  // that the batches of this step point to
  Quarantine quarantine_;
  Health health_;
  Progress progress_;
  Saver saver_;
  std::optional<StepProfile> profile_;
};

}  // namespace

TrainSummary train(const TrainJob& job) {
  TrainJob settled = job;
  settled.recomputed_blocks = settle_recomputation(job);
  return Run(settled).run();
}

}  // namespace keel
