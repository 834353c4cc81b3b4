#include "data/mixture.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "data/sample_order.h"

namespace keel {
namespace {

// Where an epoch stands in one source.
class Stream {
 public:
  struct Key {
    uint64_t seed, epoch, source;
  };

  // passes: how many the epoch asks for. keys: see MixtureOptions.
  Stream(std::vector<uint32_t> samples, double passes, Key key, std::span<const double> keys)
      : samples_(std::move(samples)), passes_(passes), key_(key), keys_(keys) {}

  uint32_t next() {
    if (at_ == 0) begin_pass();
    const uint32_t sample = samples_[at_];
    at_ = (at_ + 1) % samples_.size();
    return sample;
  }

 private:
  void begin_pass() {
    const double left = std::clamp(passes_ - static_cast<double>(pass_), 0.0, 1.0);
    const auto part = static_cast<size_t>(std::llround(left * static_cast<double>(samples_.size())));
    put_in_order(samples_, part, Rng(key_.seed, "mixture", key_.epoch, key_.source << 32 | pass_), keys_);
    ++pass_;
  }

  std::vector<uint32_t> samples_;
  double passes_;
  Key key_;
  std::span<const double> keys_;
  uint64_t pass_ = 0;
  size_t at_ = 0;
};

}  // namespace

std::vector<double> mixing_shares(std::span<const int64_t> units, double alpha,
                                  std::span<const double> weights) {
  KEEL_CHECK(units.size() == weights.size(), "a weight for each source");
  std::vector<double> shares;
  for (size_t i = 0; i < units.size(); ++i)
    shares.push_back(units[i] == 0 ? 0 : weights[i] * std::pow(static_cast<double>(units[i]), alpha));
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  KEEL_CHECK(sum > 0, "a source to draw from");
  for (double& share : shares) share /= sum;
  return shares;
}

Mixture::Mixture(std::span<const int32_t> source_of, std::vector<int64_t> lengths, MixtureOptions options)
    : samples_(options.shares.size()), lengths_(std::move(lengths)), options_(std::move(options)) {
  KEEL_CHECK(source_of.size() == lengths_.size(), "a source for each sample");
  source_units_.resize(samples_.size(), 0.0);
  for (uint32_t s = 0; s < source_of.size(); ++s) {
    const auto source = static_cast<size_t>(source_of[s]);
    samples_[source].push_back(s);
    source_units_[source] += units_of(s);
  }
  if (options_.units == 0) options_.units = std::accumulate(source_units_.begin(), source_units_.end(), 0.0);
  double draws = 0;
  for (size_t i = 0; i < samples_.size(); ++i) {
    KEEL_CHECK(options_.shares[i] == 0 || !samples_[i].empty(), "samples of each source that has a share");
    draws += passes_of(i) * static_cast<double>(samples_[i].size());
  }
  draws_ = std::max<int64_t>(1, std::llround(draws));
}

std::vector<double> Mixture::passes() const {
  std::vector<double> out;
  for (size_t i = 0; i < samples_.size(); ++i) out.push_back(passes_of(i));
  return out;
}

// Fair queueing: the source whose next unit is due first, counting units over share.
std::vector<uint32_t> Mixture::order(int64_t epoch) const {
  std::vector<Stream> streams;
  std::vector<size_t> sources;
  for (size_t i = 0; i < samples_.size(); ++i) {
    if (options_.shares[i] == 0) continue;
    sources.push_back(i);
    const Stream::Key key{.seed = options_.seed, .epoch = static_cast<uint64_t>(epoch), .source = i};
    streams.emplace_back(samples_[i], passes_of(i), key, options_.keys);
  }
  std::vector<double> due(streams.size(), 0.0);
  std::vector<uint32_t> order;
  order.reserve(static_cast<size_t>(draws_));
  while (static_cast<int64_t>(order.size()) < draws_) {
    const auto next = static_cast<size_t>(std::ranges::min_element(due) - due.begin());
    order.push_back(streams[next].next());
    due[next] += units_of(order.back()) / options_.shares[sources[next]];
  }
  return order;
}

}  // namespace keel
