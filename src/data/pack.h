// Best-fit packing: whole pieces into rows of a fixed length.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace keel {

// Which pieces share a row: the longest first, each into the fullest row that has room. No length may exceed
// `capacity`. Rows in the order of their first piece; pieces of a row in ascending order.
std::vector<std::vector<uint32_t>> best_fit(std::span<const int64_t> lengths, int64_t capacity);

}  // namespace keel
