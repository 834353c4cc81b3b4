// A grid over how much of the specialist data is mixed into the general stage: its arms, and which one wins.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fields.h"
#include "corpus/stage_plan.h"

namespace keel {

struct GridOptions {
  Json grid;

  template <class V>
  void fields(V& v) {
    v.group("data");
    v("grid", grid,
      "runs to make and compare, with mix_strategy: dmt or mixed_sequential: {dmt_k: [1, 0.5, 0.25], "
      "replay_ratio: [0.05, 0.1]}");
  }
};

struct GridArm {
  std::string option;  // dmt_k or replay_ratio
  double value = 0;

  std::string name() const;  // of its folder: dmt_k-0.25
  // dmt_k makes a run of dmt, replay_ratio one of mixed_sequential, whichever the options name.
  void apply(MixingOptions& options) const;
};

// None without a grid. mixing: what the arms begin from. All mistakes are added to problems.
std::vector<GridArm> grid_arms(const GridOptions& options, const MixingOptions& mixing,
                               std::vector<ErrorText>& problems);

struct ArmResult {
  GridArm arm;
  double specialist = 0;  // mean of the specialist sources' validation losses
  double general = 0;     // validation loss of what must not be forgotten
};

// Place of the arm with the least specialist loss among those whose general loss is at most 1 % above the
// least one. BugError: no arm.
size_t winner_of(std::span<const ArmResult> arms);

}  // namespace keel
