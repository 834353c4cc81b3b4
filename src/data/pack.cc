#include "data/pack.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "base/error.h"

namespace keel {
std::vector<std::vector<uint32_t>> best_fit(std::span<const int64_t> lengths, int64_t capacity) {
  std::vector<uint32_t> order(lengths.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, [&](uint32_t a, uint32_t b) { return lengths[a] > lengths[b]; });
  std::vector<std::vector<uint32_t>> rows;
  std::multimap<int64_t, size_t> room;  // tokens left → row
  for (const uint32_t piece : order) {
    KEEL_CHECK(lengths[piece] <= capacity, "a piece is longer than a packed row");
    const auto fit = room.lower_bound(lengths[piece]);
    size_t row = rows.size();
    int64_t left = capacity;
    if (fit == room.end()) {
      rows.emplace_back();
    } else {
      row = fit->second;
      left = fit->first;
      room.erase(fit);
    }
    rows[row].push_back(piece);
    room.emplace(left - lengths[piece], row);
  }
  for (auto& row : rows) std::ranges::sort(row);
  std::ranges::sort(rows, {}, [](const std::vector<uint32_t>& row) { return row.front(); });
  return rows;
}

}  // namespace keel
