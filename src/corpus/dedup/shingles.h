// A text as the set of its 5-grams, for comparing texts.
//
// The unit is a word: a run of letters and digits, without regard to the case of A–Z. Scripts that put no
// blank between words (Han, Kana, Thai, …) count each character as a unit, so that Chinese text has character
// 5-grams and English text word 5-grams, and a mixed text both. Blanks, punctuation and symbols separate
// units and are left out.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace keel {

inline constexpr size_t kShingleUnits = 5;

struct Unit {
  size_t begin = 0, end = 0;  // bytes of the text
  uint64_t hash = 0;          // of the unit in lower case
};

std::vector<Unit> split_units(std::string_view text);

// Hash of n neighbouring units; units.size() >= at + n.
uint64_t gram_hash(std::span<const Unit> units, size_t at, size_t n);

// Hashes of all runs of five units, ascending, each once. A text of one to four units is one shingle, so it
// equals only texts of the same units; a text without units has none.
std::vector<uint64_t> shingle_set(std::string_view text);

// |a ∩ b| / |a ∪ b| of ascending sets; 0 when both are empty.
double jaccard(std::span<const uint64_t> a, std::span<const uint64_t> b);

// 1 − distinct/all of the runs of n units; 0 for fewer than n units.
double repeated_share(std::span<const Unit> units, size_t n);

}  // namespace keel
