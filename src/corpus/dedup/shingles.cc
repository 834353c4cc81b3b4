#include "corpus/dedup/shingles.h"

#include <algorithm>
#include <string>

#include "base/hash.h"
#include "base/utf8.h"
#include "corpus/dedup/characters.h"

namespace keel {
namespace {

uint64_t hash_of_unit(std::string_view word) { return hash64(lower_ascii(word)); }

}  // namespace

std::vector<Unit> split_units(std::string_view text) {
  std::vector<Unit> units;
  size_t word = text.size();  // where the open word began
  const auto close = [&](size_t end) {
    if (word < end) units.push_back({word, end, hash_of_unit(text.substr(word, end - word))});
    word = text.size();
  };
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    const char32_t c = next_character(text, at);
    if (stands_alone(c)) {
      close(begin);
      units.push_back({begin, at, hash64(text.substr(begin, at - begin))});
    } else if (is_digit(c) || script_of(c) != Script::none) {
      word = std::min(word, begin);
    } else {
      close(begin);
    }
  }
  close(text.size());
  return units;
}

uint64_t gram_hash(std::span<const Unit> units, size_t at, size_t n) {
  uint64_t parts[8] = {};
  n = std::min<size_t>(n, 8);
  for (size_t i = 0; i < n; ++i) parts[i] = units[at + i].hash;
  return hash64(std::as_bytes(std::span(parts, n)));
}

std::vector<uint64_t> shingle_set(std::string_view text) {
  const std::vector<Unit> units = split_units(text);
  if (units.empty()) return {};
  const size_t n = std::min(units.size(), kShingleUnits);
  std::vector<uint64_t> set;
  set.reserve(units.size() - n + 1);
  for (size_t at = 0; at + n <= units.size(); ++at) set.push_back(gram_hash(units, at, n));
  std::ranges::sort(set);
  set.erase(std::unique(set.begin(), set.end()), set.end());
  return set;
}

double jaccard(std::span<const uint64_t> a, std::span<const uint64_t> b) {
  size_t i = 0, j = 0, both = 0;
  while (i < a.size() && j < b.size()) {
    both += a[i] == b[j];
    const bool step_a = a[i] <= b[j], step_b = b[j] <= a[i];
    i += step_a;
    j += step_b;
  }
  const size_t all = a.size() + b.size() - both;
  return all == 0 ? 0 : static_cast<double>(both) / static_cast<double>(all);
}

double repeated_share(std::span<const Unit> units, size_t n) {
  if (units.size() < n || n == 0) return 0;
  std::vector<uint64_t> grams;
  for (size_t at = 0; at + n <= units.size(); ++at) grams.push_back(gram_hash(units, at, n));
  const auto all = static_cast<double>(grams.size());
  std::ranges::sort(grams);
  grams.erase(std::unique(grams.begin(), grams.end()), grams.end());
  return 1 - static_cast<double>(grams.size()) / all;
}

}  // namespace keel
