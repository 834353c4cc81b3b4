// MinHash (Broder, 1997): a signature of 128 numbers in which two sets agree at each place with the
// probability of their Jaccard similarity.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace keel {

inline constexpr size_t kPermutations = 128;
using Signature = std::array<uint32_t, kPermutations>;

// All ones for the empty set.
Signature minhash(std::span<const uint64_t> set);

// How a signature is cut for locality-sensitive hashing: sets that agree in all rows of some band are
// compared.
struct Banding {
  size_t bands = 0, rows = 0;  // bands × rows <= kPermutations
};

// The most rows a band (fewest false candidates) with which a pair at the threshold is missed with a
// probability (1 − threshold^rows)^bands of at most 1e-4; at 0.85: 21 bands of 6 rows, 5e-5.
Banding banding_for(double threshold);

}  // namespace keel
