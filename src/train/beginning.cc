#include "train/beginning.h"

#include <ATen/Parallel.h>

#include "base/error.h"
#include "base/log.h"
#include "model/device.h"
#include "model/parameter_count.h"
#include "model/precision.h"

namespace keel {

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

SamplerOptions sampler_options(const TrainJob& job) {
  const TrainOptions& o = job.options;
  return {.batch_size = o.per_device_train_batch_size,
          .accumulation = o.gradient_accumulation_steps,
          .seed = static_cast<uint64_t>(o.seed),
          .keys = job.train_set.order_keys,
          .epochs = o.num_train_epochs,
          .max_steps = o.max_steps};
}

HealthOptions health_options(const TrainJob& job) {
  const ParameterCount count = count_parameters(*job.model.lm);
  HealthOptions out{.loss_spike = job.options.loss_spike, .loss_spike_z = job.options.loss_spike_z};
  out.parameters = count.all;
  out.trained = count.trained;
  return out;
}

RunState state_to_resume(const TrainJob& job) {
  return job.resume_from.empty() ? RunState{} : read_run_state(job.resume_from);
}

RunMemory memory_of(const RunState& state, const TrainJob& job) {
  const CausalLM& lm = *job.model.lm;
  const std::string precision = precision_name(lm.compute_dtype()) + " on " + device_name(lm.device());
  const int64_t threads = at::get_num_threads();
  if (job.resume_from.empty())
    return {.token_batch = {.k = job.options.token_batch},
            .data_hash = job.train_set.hash,
            .precision = precision,
            .threads = threads};
  RunMemory memory = run_memory_from(state.trainer, job.resume_from.string());
  if (memory.data_hash != job.train_set.hash && !job.allow_other_data)
    throw UserError({.where = "dataset",
                     .found = "other training data than the run began with",
                     .wanted = "the same files, or a run of its own",
                     .hint = "allow_change: [dataset] goes on with the new data"});
  if (memory.data_hash != job.train_set.hash) memory.quarantine.clear();  // its numbers are of other rows
  if (memory.precision != precision || memory.threads != threads)
    warn("the run began in {} with {} threads and goes on in {} with {}: equal to rounding, not bit by bit",
         memory.precision, memory.threads, precision, threads);
  return memory;
}

}  // namespace keel
