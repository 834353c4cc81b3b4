// What became of the rows of a set.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"

namespace keel {

struct DataStats {
  int64_t rows = 0;             // read and good
  int64_t rejected = 0;         // bad rows
  int64_t examples = 0;         // trained samples: chats, or packed rows (cpt)
  int64_t turns = 0;            // supervised assistant turns; cpt: texts or their pieces
  int64_t tokens = 0;           // of the examples
  int64_t supervised = 0;       // labels among them
  int64_t longest = 0;          // tokens of the longest row before anything was dropped
  int64_t over_long = 0;        // rows longer than cutoff_len
  int64_t dropped = 0;          // of these, rows dropped whole
  int64_t cut_turns = 0;        // messages dropped from the front of over-long rows
  int64_t cut_replies = 0;      // trained replies among them
  int64_t lost_supervised = 0;  // labels that over-long rows lost
  int64_t no_label = 0;       // rows without anything to train (every weight 0, nothing that train_on names)
  int64_t capped_turns = 0;   // turns longer than max_turn_tokens: their end of turn is not trained
  int64_t capped_tokens = 0;  // their tokens behind the cap
  double fill = 1.0;          // cpt: tokens over examples × pack_length
  double best_fill = 0.0;     // cpt: rows that the tokens need at least, over rows packed; 0: not packed
  int64_t median_length = 0;  // of a whole set: tokens of its rows before anything was dropped
  int64_t p95_length = 0;
  int64_t one_turn_a_sample =
      0;  // conversations spread over several examples (template changes earlier turns)

  // fill weighted by tokens; what belongs to a whole set (best_fill, median_length, p95_length) stays as it
  // is.
  DataStats& operator+=(const DataStats& other);

  double lost_share() const;  // of the labels that the rows had
};

// The counts of one row, for keeping many of them.
using RowCounts = std::array<int32_t, 16>;
RowCounts row_counts(const DataStats& row);
DataStats row_stats(const RowCounts& counts);

// "8,389 rows · 8,389 turns · 1,234,567 tokens (45.6 % trained) · longest 2,000 · 3 dropped (too long) …"
std::string describe(const DataStats& stats);
// Sets median_length and p95_length: the lengths at rank ⌈n/2⌉ and ⌈0.95 n⌉.
void set_lengths(DataStats& stats, std::vector<int64_t> lengths);
Json to_json(const DataStats& stats);

}  // namespace keel
