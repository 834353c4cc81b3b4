// How much a text repeats itself (docs/numerics.md, "Measures").
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace keel {

// 1 − |distinct n-grams| / |n-grams|; 0 for fewer than n tokens.
double repetition(std::span<const int32_t> ids, size_t n);

// Distinct bigrams over all bigrams of several outputs.
double distinct_bigrams(std::span<const std::vector<int32_t>> outputs);

// Tokens of the longest suffix that also occurs directly before itself (…xyz xyz → 3).
size_t longest_repeated_suffix(std::span<const int32_t> ids);

}  // namespace keel
