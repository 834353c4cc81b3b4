#include "train/rates.h"

#include "optim/schedule.h"

namespace keel {

double peak_rate(const Sampler& sampler, const OptimOptions& optim, size_t stage) {
  return sampler.stage(stage).learning_rate.value_or(optim.learning_rate);
}

double rate_of_step(const Sampler& sampler, const OptimOptions& optim, int64_t step) {
  const StepPlace at = sampler.place(step);
  OptimOptions own = optim;
  own.learning_rate = peak_rate(sampler, optim, at.stage);
  return learning_rate_at(at.step, at.steps, own);
}

std::vector<size_t> stages_without_rate(const Sampler& sampler, const OptimOptions& optim) {
  std::vector<size_t> out;
  for (int64_t step = 0; step < sampler.total_steps();) {
    const StepPlace at = sampler.place(step);
    const int64_t end = step + at.steps;
    while (step < end && rate_of_step(sampler, optim, step) == 0) ++step;
    if (step == end) out.push_back(at.stage);
    step = end;
  }
  return out;
}

}  // namespace keel
