// What is trained: token ids with, for each token, what it counts as a label.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace keel {

struct Example {
  std::vector<int32_t> ids;
  std::vector<float> weight;  // user weight of each token as a label; 0: context only. weight[0] is always 0
  std::vector<int32_t> turn;  // assistant turn of each token, -1: context
  std::vector<uint8_t> end_of_turn;  // 1 at the end-of-turn token of a trained turn
  std::string place;                 // where the row stands, for messages
  int32_t source = 0;                // index of the dataset it came from

  int64_t supervised() const {
    int64_t n = 0;
    for (const float w : weight) n += w != 0;
    return n;
  }
};

}  // namespace keel
