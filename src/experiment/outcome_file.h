// What `keel compare` keeps of a run: measures.json, the mark that it is done, and items.jsonl beside it.
#pragma once

#include <filesystem>
#include <optional>

#include "experiment/outcome.h"

namespace keel {

void write_outcome(const std::filesystem::path& run_dir, const RunOutcome& outcome);

// Nothing when the run has not been measured.
std::optional<RunOutcome> read_outcome(const std::filesystem::path& run_dir);

// UserError: the run was not measured by the items that the base was measured by.
void check_same_items(std::span<const ProbeResult> base, const RunOutcome& run,
                      const std::filesystem::path& run_dir);

}  // namespace keel
