// results.json in the shape of lm-evaluation-harness: what reads its files reads ours.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "eval/compare.h"

namespace keel {

struct ResultsFacts {
  const Suite& suite;
  std::span<const Score> scores;
  std::map<std::string, int64_t> all_items;  // of each dimension, before the split
  Json config;                               // model, model_args, split, versions, …
  double seconds = 0;
  const Comparison* comparison = nullptr;
  const GateResult* gates = nullptr;
};

// A task a dimension, named SUITE_DIMENSION, with "acc,none", "acc_stderr,none" and the like; the group
// SUITE is the total. Beside that harness's keys: "comparison" and "gates".
Json results_json(const ResultsFacts& facts);

}  // namespace keel
