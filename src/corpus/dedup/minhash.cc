#include "corpus/dedup/minhash.h"

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "base/simd.h"

namespace keel {

namespace minhash_detail {

// A permutation of 32-bit numbers: x -> (x ^ mask) * odd. Shingles are hashes already, so this mixes enough.
struct Permutations {
  Signature mask, odd;
};

KEEL_CLONES void take_least(const uint64_t* set, size_t size, const Permutations& p, Signature& out) {
  for (size_t s = 0; s < size; ++s) {
    const auto x = static_cast<uint32_t>(set[s] ^ set[s] >> 32);
    for (size_t i = 0; i < kPermutations; ++i) out[i] = std::min(out[i], (x ^ p.mask[i]) * p.odd[i]);
  }
}

}  // namespace minhash_detail

namespace {

minhash_detail::Permutations make_permutations() {
  minhash_detail::Permutations p{};
  Rng rng(0, "minhash");  // fixed: equal texts have equal signatures in every run
  for (size_t i = 0; i < kPermutations; ++i) {
    p.mask[i] = static_cast<uint32_t>(rng.next());
    p.odd[i] = static_cast<uint32_t>(rng.next()) | 1U;
  }
  return p;
}

}  // namespace

Signature minhash(std::span<const uint64_t> set) {
  static const minhash_detail::Permutations kFixed = make_permutations();
  Signature out;
  out.fill(~0U);
  minhash_detail::take_least(set.data(), set.size(), kFixed, out);
  return out;
}

Banding banding_for(double threshold) {
  for (size_t rows = 32; rows > 1; --rows) {
    const size_t bands = kPermutations / rows;
    const double missed =
        std::pow(1 - std::pow(threshold, static_cast<double>(rows)), static_cast<double>(bands));
    if (missed <= 1e-4) return {.bands = bands, .rows = rows};
  }
  return {.bands = kPermutations, .rows = 1};
}

}  // namespace keel
