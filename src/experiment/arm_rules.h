// What makes a comparison fair: the options that no arm may have for itself.
#pragma once

#include <string>

#include "config/run_config.h"

namespace keel {

struct ArmBounds {
  // tokens: every arm trains the same rows as often; how they are cut into steps is the arm's. steps: every
  // arm takes the same number of them. flops: as tokens, but that arms which cost more train less.
  std::string budget = "tokens";
  bool has_max_steps = false;   // the number of steps is given, and does not follow from rows and batches
  bool holds_out_rows = false;  // what an arm is measured by comes out of its training data

  // An arm may train on rows of its own where it takes as many steps and is measured by the same rows.
  bool own_rows() const { return budget == "steps" && has_max_steps && !holds_out_rows; }
};

// Why an arm may not set this option, such as "data"; empty: it may.
std::string shared_by_all(const FieldRef& field, const ArmBounds& bounds);

// Why not even `base` may set it: what `keel compare` decides for each run.
std::string set_by_compare(const std::string& name);

}  // namespace keel
