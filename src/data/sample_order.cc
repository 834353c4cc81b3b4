#include "data/sample_order.h"

#include <algorithm>

namespace keel {

void put_in_order(std::span<uint32_t> samples, size_t part, Rng random, std::span<const double> keys) {
  random.shuffle(samples);
  if (keys.empty()) return;
  const auto easy_first = [&](std::span<uint32_t> some) {
    std::ranges::stable_sort(some, {}, [&](uint32_t sample) { return keys[sample]; });
  };
  easy_first(samples.first(part));
  easy_first(samples.subspan(part));
}

}  // namespace keel
