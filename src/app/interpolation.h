// What `interpolate` does when training has ended: models between the one as it was and the trained one are
// measured, and the best is saved beside the trained one.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "app/session.h"
#include "config/run_config.h"
#include "train/interpolants.h"
#include "train/trainer.h"

namespace keel {

inline constexpr const char* kInterpolatedFolder = "interpolated";

struct Interpolation {
  std::vector<Interpolant> models;  // the trained model first; empty: none was asked for
  size_t kept = 0;
  double gain_kept = 1;  // of the trained model's gain in domain loss

  std::string sentence() const;  // for the verdict
  Json table() const;            // for the report
};

// Of a run that has ended; what it saved stays as it is, a mixture that is better goes to
// run_dir/interpolated. A signal ends the sweep: what was measured by then decides.
Interpolation interpolate(const RunConfig& config, const EvalSets& sets, const TrainSummary& summary);

// The folder of the model that a run stands for: its best mixture, or what it trained.
std::filesystem::path saved_model(const std::filesystem::path& run_dir);

}  // namespace keel
