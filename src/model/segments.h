// Where the segments of a packed row lie, and the position of every token in its own.
#pragma once

#include <ATen/ATen.h>

#include <vector>

namespace keel {

struct Segments {
  std::vector<int64_t> offsets;  // segment s is [offsets[s], offsets[s+1])
  at::Tensor positions_T;        // int64
  int64_t end_position = 0;      // one more than the largest position

  int64_t tokens() const { return offsets.back(); }
  int64_t count() const { return static_cast<int64_t>(offsets.size()) - 1; }
};

// starts: position of each segment's first token; empty: 0 for all. Offsets must begin at 0, rise and end at
// the number of tokens.
Segments make_segments(std::vector<int64_t> offsets, int64_t tokens, at::Device device,
                       const std::vector<int64_t>& starts = {});

}  // namespace keel
