// Random numbers as a function of (seed, purpose, epoch, index): no state that a resume would have to
// restore, and the same numbers for any number of ranks. The mixer is SplitMix64's finaliser (Steele et al.,
// 2014).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace keel {

class Rng {
 public:
  // purpose: a short name such as "shuffle"; two purposes never share a stream.
  Rng(uint64_t seed, std::string_view purpose, uint64_t epoch = 0, uint64_t index = 0);

  uint64_t next();
  double uniform();                // [0, 1)
  uint64_t below(uint64_t bound);  // [0, bound), unbiased; bound > 0
  double normal();                 // mean 0, deviation 1

  template <class T>
  void shuffle(std::span<T> items) {  // Fisher–Yates
    for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  uint64_t key_;
  uint64_t counter_ = 0;
};

}  // namespace keel
