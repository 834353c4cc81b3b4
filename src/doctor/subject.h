// What the doctor looks at: the rows as they are read, what several checks need of them, and, with a
// tokenizer, what they become as tokens.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "corpus/dedup/near_index.h"
#include "data/options.h"
#include "data/row_set.h"
#include "doctor/options.h"
#include "doctor/row_tokens.h"

namespace keel {

// A reply of the assistant that is trained (its weight is not 0).
struct Reply {
  uint32_t row = 0;
  std::string_view text;
  bool acts = false;  // it has tool calls or reasoning besides the text
};

// One side: training or validation.
struct Side {
  RowSet rows;
  std::vector<Reply> replies;     // in the order of rows; they point into rows
  std::vector<uint64_t> hashes;   // content of each row
  std::vector<Sketch> sketches;   // of each row's record_text
  std::vector<RowTokens> tokens;  // of each row; empty without a tokenizer
};

Side examine(RowSet rows, const DataOptions& options, const EncodeContext* encode);

struct Subject {
  Side train, validation;  // validation may be empty
  DataOptions data;
  DoctorOptions limits;
  // How the run would step; samples_per_step 0: unknown.
  int64_t samples_per_step = 0, max_steps = 0;
  double epochs = 1;
  const Tokenizer* tokenizer = nullptr;

  bool tokenised() const { return !train.tokens.empty(); }
};

}  // namespace keel
