#include "app/speed_trial.h"

#include <unistd.h>

#include <fmt/format.h>

#include "app/teacher.h"
#include "app/train_run.h"
#include "base/fs.h"
#include "corpus/scratch_file.h"

namespace keel {
namespace {

// Only the rows that the steps need, nothing held out, nothing kept on disk.
void narrow(RunConfig& config, int64_t steps) {
  const TrainOptions& o = config.train;
  const int64_t rows = 4 * steps * o.per_device_train_batch_size * o.gradient_accumulation_steps;
  DataOptions& data = config.data;
  data.max_samples = data.max_samples > 0 ? std::min(data.max_samples, rows) : rows;
  data.dataset_prepared_path = "none";
  data.max_rejected = 1;
  data.strict = false;
  data.val_size = 0;
  data.eval_dataset.clear();
  data.general_dataset.clear();
  config.train.max_steps = steps;
  config.protection.ewc = 0;  // its work lies before the first step
}

}  // namespace

MeasuredSpeed try_steps(RunConfig config, int64_t steps, const Diagnosis& plan) {
  narrow(config, steps);
  ChatModel model = load_model(config, true);
  const PartFolder scratch(temporary_folder() / fmt::format("keel-trial-{}", ::getpid()));
  const RunData data = load_run_data(config, model, scratch.dir());
  settle_loss_reduction(config, data.train);
  TrainJob job = train_job(config, model, data, {MixStage{}});  // for the speed any order of the rows does
  const std::optional<ChatModel> teacher = load_teacher(config, model);
  if (teacher) job.teacher = teacher->lm.get();
  job.run_dir = scratch.dir();
  job.progress_name = "[trial] ";
  job.save = false;
  const TrainSummary trial = train(job);
  return {.steps = trial.steps,
          .tokens_per_s = trial.tokens_per_s,
          .memory_gb = trial.peak_memory_gb,
          .seconds = trial.tokens_per_s > 0 ? planned_tokens(plan) / trial.tokens_per_s : 0};
}

}  // namespace keel
