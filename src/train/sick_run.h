// The end of a run whose loss or gradient is no longer finite.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "base/error.h"
#include "train/health.h"

namespace keel {

struct SickRun {
  const RunMemory& memory;
  std::vector<BadUpdate> streak;
  int64_t quarantined = 0;             // rows
  bool quarantine = true;              // the option
  double learning_rate = 0;            // the option
  std::filesystem::path run_dir = {};  // empty: nothing is saved
};

// What the user reads. checkpoint: to go on from; nothing: there is none.
ErrorText diagnosis_of(const SickRun& run, const std::optional<std::filesystem::path>& checkpoint);

// Goes back to the last checkpoint whose weights gave a finite loss (later ones are renamed to
// step-000123.sick), leaves the diagnosis as run_dir/diagnosis.txt and throws it as a UserError. No
// other file is touched.
[[noreturn]] void stop_sick_run(const SickRun& run);

inline constexpr const char* kDiagnosisFile = "diagnosis.txt";

}  // namespace keel
