#include "data/pack.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "base/error.h"

namespace keel {
namespace {

void append(Example& row, const Example& piece, int32_t number) {
  row.segments.push_back(static_cast<int32_t>(row.ids.size()));
  row.ids.insert(row.ids.end(), piece.ids.begin(), piece.ids.end());
  row.weight.insert(row.weight.end(), piece.weight.begin(), piece.weight.end());
  row.turn.insert(row.turn.end(), piece.ids.size(), number);
  row.end_of_turn.insert(row.end_of_turn.end(), piece.end_of_turn.begin(), piece.end_of_turn.end());
}

Example join_pieces(const std::vector<Example>& pieces, const std::vector<uint32_t>& members) {
  const Example& first = pieces[members.front()];
  Example row{.place = first.place, .source = first.source};
  if (members.size() > 1) row.place += fmt::format(" and {} more", members.size() - 1);
  for (size_t i = 0; i < members.size(); ++i) append(row, pieces[members[i]], static_cast<int32_t>(i));
  return row;
}

}  // namespace

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

std::vector<Example> pack_rows(std::vector<Example> pieces, int64_t capacity) {
  std::map<int32_t, std::vector<uint32_t>> by_source;
  for (size_t i = 0; i < pieces.size(); ++i) by_source[pieces[i].source].push_back(static_cast<uint32_t>(i));
  std::vector<Example> packed;
  for (const auto& [source, members] : by_source) {
    std::vector<int64_t> lengths;
    for (const uint32_t m : members) lengths.push_back(pieces[m].size());
    for (std::vector<uint32_t> row : best_fit(lengths, capacity)) {
      for (uint32_t& m : row) m = members[m];
      packed.push_back(join_pieces(pieces, row));
    }
  }
  return packed;
}

}  // namespace keel
