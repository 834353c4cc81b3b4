// Best-fit packing: whole pieces into rows of a fixed length.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/example.h"

namespace keel {

// Which pieces share a row: the longest first, each into the fullest row that has room. No length may exceed
// `capacity`. Rows in the order of their first piece; pieces of a row in ascending order.
std::vector<std::vector<uint32_t>> best_fit(std::span<const int64_t> lengths, int64_t capacity);

// Examples of one segment as rows of at most `capacity` tokens, each piece a segment of its own. Only pieces
// of one source share a row.
std::vector<Example> pack_rows(std::vector<Example> pieces, int64_t capacity);

}  // namespace keel
