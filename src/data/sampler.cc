#include "data/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "base/error.h"
#include "base/rng.h"
#include "data/sample_order.h"

namespace keel {
namespace {

using Indices = std::vector<uint32_t>;

std::vector<Indices> deal_in_order(std::span<const uint32_t> samples, int64_t batch_size) {
  std::vector<Indices> micro;
  for (size_t begin = 0; begin < samples.size(); begin += static_cast<size_t>(batch_size)) {
    const auto part =
        samples.subspan(begin, std::min<size_t>(static_cast<size_t>(batch_size), samples.size() - begin));
    micro.emplace_back(part.begin(), part.end());
  }
  return micro;
}

// The longest first, each to the micro-batch with the fewest tokens. As many micro-batches as in order.
std::vector<Indices> deal_by_length(std::span<const uint32_t> samples, const std::vector<int64_t>& lengths,
                                    int64_t batch_size) {
  const size_t bins =
      (samples.size() + static_cast<size_t>(batch_size) - 1) / static_cast<size_t>(batch_size);
  std::vector<size_t> places(samples.size());
  std::iota(places.begin(), places.end(), size_t{0});
  std::ranges::stable_sort(places,
                           [&](size_t a, size_t b) { return lengths[samples[a]] > lengths[samples[b]]; });
  std::vector<std::vector<size_t>> dealt(bins);
  std::vector<int64_t> tokens(bins, 0);
  for (const size_t place : places) {
    const auto bin = static_cast<size_t>(std::ranges::min_element(tokens) - tokens.begin());
    dealt[bin].push_back(place);
    tokens[bin] += std::max<int64_t>(1, lengths[samples[place]]);  // so that no micro-batch stays empty
  }
  std::vector<Indices> micro(bins);
  for (size_t b = 0; b < bins; ++b) {
    std::ranges::sort(dealt[b]);
    for (const size_t place : dealt[b]) micro[b].push_back(samples[place]);
  }
  return micro;
}

}  // namespace

Sampler::Sampler(std::vector<int64_t> lengths, SamplerOptions options, std::vector<MixStage> stages)
    : lengths_(std::move(lengths)), options_(std::move(options)) {
  KEEL_CHECK(!lengths_.empty() && !stages.empty(), "a sampler needs examples and a stage");
  KEEL_CHECK(options_.batch_size > 0 && options_.accumulation > 0, "a step has at least one sample");
  const int64_t each = options_.batch_size * options_.accumulation;
  int64_t first_step = 0, first_epoch = 0;
  for (MixStage& mix : stages) {
    Dealt stage{.mix = std::move(mix), .first_step = first_step, .first_epoch = first_epoch};
    stage.samples = stage.mix.mixture ? stage.mix.mixture->draws() : static_cast<int64_t>(lengths_.size());
    stage.steps_per_epoch = (stage.samples + each - 1) / each;
    stage.steps = steps_of(stage);
    first_step += stage.steps;
    first_epoch += (stage.steps + stage.steps_per_epoch - 1) / stage.steps_per_epoch;
    stages_.push_back(std::move(stage));
  }
}

int64_t Sampler::steps_of(const Dealt& stage) const {
  const int64_t own = stage.mix.epochs ? 0 : options_.max_steps;
  const int64_t max_steps = stage.mix.max_steps.value_or(own);
  if (max_steps > 0) return max_steps;
  // A hair is taken off so that 0.1 epochs of 30 steps are 3 steps, not 4.
  const double steps =
      stage.mix.epochs.value_or(options_.epochs) * static_cast<double>(stage.steps_per_epoch);
  return static_cast<int64_t>(std::ceil(steps - 1e-9 * std::max(1.0, steps)));
}

StepPlace Sampler::place(int64_t step) const {
  size_t i = 0;
  while (i + 1 < stages_.size() && step >= stages_[i + 1].first_step) ++i;
  const Dealt& stage = stages_[i];
  const int64_t own = step - stage.first_step, epoch = own / stage.steps_per_epoch;
  return {.stage = i,
          .step = own,
          .steps = stage.steps,
          .epoch = stage.first_epoch + epoch,
          .first = epoch * stage.steps_per_epoch,
          .ends_epoch = (own + 1) % stage.steps_per_epoch == 0,
          .ends_stage = own + 1 == stage.steps};
}

double Sampler::epochs_done(int64_t steps) const {
  if (steps == 0) return 0;
  const StepPlace last = place(steps - 1);
  const Dealt& stage = stages_[last.stage];
  return static_cast<double>(stage.first_epoch) +
         static_cast<double>(last.step + 1) / static_cast<double>(stage.steps_per_epoch);
}

std::vector<uint32_t> Sampler::epoch_order(const StepPlace& at) const {
  if (const auto& mixture = stages_[at.stage].mix.mixture) return mixture->order(at.epoch);
  Indices order(lengths_.size());
  std::iota(order.begin(), order.end(), 0U);
  if (options_.shuffle)
    put_in_order(order, order.size(), Rng(options_.seed, "shuffle", static_cast<uint64_t>(at.epoch)),
                 options_.keys);
  return order;
}

StepPlan Sampler::plan(int64_t step) {
  const StepPlace at = place(step);
  if (ordered_ != std::pair(at.stage, at.epoch)) {
    order_ = epoch_order(at);
    ordered_ = {at.stage, at.epoch};
  }
  const auto each = static_cast<size_t>(options_.batch_size * options_.accumulation);
  const size_t begin = static_cast<size_t>(at.step - at.first) * each;
  const auto samples =
      std::span<const uint32_t>(order_).subspan(begin, std::min(each, order_.size() - begin));
  return {options_.balance ? deal_by_length(samples, lengths_, options_.batch_size)
                           : deal_in_order(samples, options_.batch_size)};
}

}  // namespace keel
