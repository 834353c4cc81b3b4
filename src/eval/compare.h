// Two evaluations of the same suite, item by item: what was lost, what was won, and whether the items are
// enough to say so.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eval/paired.h"
#include "eval/scores.h"

namespace keel {

enum class Verdict { better, worse, no_difference, not_enough_data };

struct Difference {
  std::string dimension, measure;
  int64_t items = 0;
  double before = 0, after = 0;
  Interval interval;          // of after − before, 95 %, paired bootstrap
  int64_t lost = 0, won = 0;  // right→wrong, wrong→right; for stops: stopped→ran on and back
  std::optional<double> p;    // McNemar's; acc and stops of a dimension only
  Verdict verdict = Verdict::no_difference;
  int64_t enough = 0;  // about so many items would show a change worth knowing (kWorthKnowing…)
};

// A change that a user wants to be told of: 5 points of a share, a drop or a repetition, 2 % of an NLL, half
// a turn.
constexpr double kWorthKnowingPoints = 0.05, kWorthKnowingNll = 0.02, kWorthKnowingTurns = 0.5;

struct Comparison {
  std::vector<Difference> rows;    // in the order of scores_of()
  std::vector<std::string> notes;  // items that only one side has, and the like
};

// Better or worse: p < 0.05 where there is one, else the interval leaves zero out. Not enough data: neither,
// and fewer items than would find a change worth knowing with probability 0.8; under 8 items in any case.
// UserError: no item in common; an item whose content differs.
Comparison compare(std::span<const ProbeResult> before, std::span<const ProbeResult> after,
                   const Suite& suite);

struct Crossing {
  Gate gate;
  double value = 0;  // the measure, or its change for the worse
};

struct Unchecked {
  Gate gate;
  std::string why;
};

struct GateResult {
  std::vector<Crossing> crossed;
  std::vector<Unchecked> unchecked;
};

// comparison: may be null.
GateResult check_gates(const Suite& suite, std::span<const Score> scores, const Comparison* comparison);

std::string verdict_text(const Difference& difference);

}  // namespace keel
