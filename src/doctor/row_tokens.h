// A row as tokens, reduced to the numbers that checks need, so that a large set need not be held.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "corpus/record.h"
#include "data/encode.h"
#include "data/stats.h"

namespace keel {

struct RowTokens {
  DataStats stats;            // as training counts the row
  int64_t chat_turns = 0;     // trained assistant turns
  int64_t ended_turns = 0;    // of these, turns whose end-of-turn token is trained
  int64_t leading_bos = 0;    // most BOS tokens in a row at the beginning of a sample
  int64_t broken_tokens = 0;  // tokens that are a part of a character, or unknown
  std::string refused;        // why the template does not take the row; empty: it does
};

// One for each record, in their order, on all cores (threads 0).
std::vector<RowTokens> tokenise_rows(const std::vector<Record>& records, const EncodeContext& context,
                                     size_t threads);

// Trained turns of chat examples and those of them that end with a trained end-of-turn token.
struct TurnEnds {
  int64_t turns = 0, ended = 0;
};
TurnEnds count_turn_ends(const Example& example);

}  // namespace keel
