// What a run measures of itself beside its losses, by the names of metrics.jsonl (torch-free: config/ checks
// gates by them). monitors.h says what they are.
#pragma once

#include <string>
#include <vector>

namespace keel {

inline const std::vector<std::string>& monitor_names() {
  static const std::vector<std::string> names = {"kl_domain", "kl_general",    "train_rows_loss",
                                                 "train_gap", "rep4",          "end_of_turn",
                                                 "copied",    "probe_accuracy"};
  return names;
}

}  // namespace keel
