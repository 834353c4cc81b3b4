// Phrases that many replies share.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace keel {

struct StockPhrase {
  std::string text;               // as the first reply with it writes it
  std::vector<uint32_t> replies;  // that hold it, ascending
};

struct StockPhrases {
  std::vector<StockPhrase> phrases;  // the most frequent first
  // Bytes of each reply that phrases cover, in order, not overlapping: {reply, {begin, end}}.
  struct Cover {
    uint32_t reply;
    size_t begin, end;
  };
  std::vector<Cover> covered;
};

// An n-gram of five units (a whole reply of fewer) in more than `share` of the replies; n-grams that follow
// each other in a reply make one phrase. Candidates come from at most 2,000 replies, evenly picked, and are
// then counted in all. Fewer than 20 replies have none.
StockPhrases find_stock_phrases(std::span<const std::string_view> replies, double share);

}  // namespace keel
