// Where the segments of a packed row lie, and the position of every token in its own.
#pragma once

#include <ATen/ATen.h>

#include <vector>

namespace keel {

// A segment begins with the first `tokens` tokens of an earlier segment (those counted that this one begins
// with): they are not given, nor computed, again.
struct Beginning {
  int64_t from = 0, tokens = 0;
};

struct Segments {
  std::vector<int64_t> offsets;       // segment s is [offsets[s], offsets[s+1])
  std::vector<Beginning> beginnings;  // one a segment, or none
  at::Tensor positions_T;             // int64
  int64_t end_position = 0;           // one more than the largest position

  int64_t tokens() const { return offsets.back(); }
  int64_t count() const { return static_cast<int64_t>(offsets.size()) - 1; }
};

// Offsets must begin at 0, rise and end at the number of tokens.
Segments make_segments(std::vector<int64_t> offsets, int64_t tokens, at::Device device,
                       std::vector<Beginning> beginnings = {});

// The same for segments that go on behind `starts` tokens each, which are in a cache.
Segments make_segments_behind(const std::vector<int64_t>& starts, std::vector<int64_t> offsets,
                              int64_t tokens, at::Device device, std::vector<Beginning> beginnings);

}  // namespace keel
