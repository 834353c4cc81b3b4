#include "eval/repetition.h"

#include <algorithm>
#include <set>

namespace keel {

double repetition(std::span<const int32_t> ids, size_t n) {
  if (ids.size() < n || n == 0) return 0;
  std::set<std::vector<int32_t>> distinct;
  const size_t total = ids.size() - n + 1;
  for (size_t i = 0; i < total; ++i) distinct.emplace(ids.begin() + i, ids.begin() + i + n);
  return 1.0 - static_cast<double>(distinct.size()) / static_cast<double>(total);
}

double distinct_bigrams(std::span<const std::vector<int32_t>> outputs) {
  std::set<std::pair<int32_t, int32_t>> distinct;
  size_t total = 0;
  for (const auto& ids : outputs) {
    for (size_t i = 1; i < ids.size(); ++i, ++total) distinct.emplace(ids[i - 1], ids[i]);
  }
  return total == 0 ? 0 : static_cast<double>(distinct.size()) / static_cast<double>(total);
}

size_t longest_repeated_suffix(std::span<const int32_t> ids) {
  for (size_t n = ids.size() / 2; n > 0; --n) {
    const auto suffix = ids.last(n);
    if (std::equal(suffix.begin(), suffix.end(), suffix.begin() - static_cast<std::ptrdiff_t>(n))) return n;
  }
  return 0;
}

}  // namespace keel
