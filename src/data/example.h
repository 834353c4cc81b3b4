// What is trained: token ids with, for each token, what it counts as a label.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace keel {

struct Example {
  std::vector<int32_t> ids;
  std::vector<float> weight;  // user weight of each token as a label; 0: context only. The first token of a
                              // segment always has 0
  std::vector<int32_t> turn;  // assistant turn of each token (cpt: the text's number in the row), -1: context
  std::vector<uint8_t> end_of_turn;  // 1 at the end-of-turn token of a trained turn
  std::vector<int32_t> segments;     // where segments begin (a cpt row holds several texts); empty: {0}
  std::string place;                 // where the row stands, for messages
  int32_t source = 0;                // index of the dataset it came from

  // Supervised tokens of the whole conversation, when it is spread over several examples (a template that
  // changes earlier turns trains one turn a sample); 0: this example is the whole conversation.
  int64_t conversation_supervised = 0;

  // Tokens before the first one that is trained; size() where none is.
  int64_t prompt_size() const {
    return std::find_if(weight.begin(), weight.end(), [](float w) { return w != 0; }) - weight.begin();
  }

  int64_t size() const { return static_cast<int64_t>(ids.size()); }
  int64_t supervised() const {
    int64_t n = 0;
    for (const float w : weight) n += w != 0;
    return n;
  }
};

}  // namespace keel
