#include "data/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "base/error.h"
#include "base/rng.h"

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

Sampler::Sampler(std::vector<int64_t> lengths, SamplerOptions options, std::optional<Mixture> mixture)
    : lengths_(std::move(lengths)), options_(options), mixture_(std::move(mixture)) {
  KEEL_CHECK(!lengths_.empty(), "a sampler needs examples");
  KEEL_CHECK(options.batch_size > 0 && options.accumulation > 0, "a step has at least one sample");
}

int64_t Sampler::samples_per_epoch() const {
  return mixture_ ? mixture_->draws() : static_cast<int64_t>(lengths_.size());
}

int64_t Sampler::steps_per_epoch() const {
  const int64_t each = options_.batch_size * options_.accumulation;
  return (samples_per_epoch() + each - 1) / each;
}

int64_t Sampler::total_steps(double epochs, int64_t max_steps) const {
  if (max_steps > 0) return max_steps;
  // A hair is taken off so that 0.1 epochs of 30 steps are 3 steps, not 4.
  const double steps = epochs * static_cast<double>(steps_per_epoch());
  return static_cast<int64_t>(std::ceil(steps - 1e-9 * std::max(1.0, steps)));
}

std::vector<uint32_t> Sampler::epoch_order(int64_t epoch) const {
  if (mixture_) return mixture_->order(epoch);
  Indices order(lengths_.size());
  std::iota(order.begin(), order.end(), 0U);
  if (options_.shuffle) Rng(options_.seed, "shuffle", static_cast<uint64_t>(epoch)).shuffle(std::span(order));
  return order;
}

StepPlan Sampler::plan(int64_t step) {
  const Cursor at = cursor(step);
  if (at.epoch != order_epoch_) {
    order_ = epoch_order(at.epoch);
    order_epoch_ = at.epoch;
  }
  const auto each = static_cast<size_t>(options_.batch_size * options_.accumulation);
  const size_t begin = static_cast<size_t>(at.step) * each;
  const auto samples =
      std::span<const uint32_t>(order_).subspan(begin, std::min(each, order_.size() - begin));
  return {options_.balance ? deal_by_length(samples, lengths_, options_.batch_size)
                           : deal_in_order(samples, options_.batch_size)};
}

Cursor Sampler::cursor(int64_t steps_done) const {
  return {.epoch = steps_done / steps_per_epoch(), .step = steps_done % steps_per_epoch()};
}

int64_t Sampler::steps_done(const Cursor& cursor) const {
  return cursor.epoch * steps_per_epoch() + cursor.step;
}

}  // namespace keel
