// What a report is made from: everything of interest in a run folder, read leniently. A run that was killed,
// or files that are missing, leave notes, not errors.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "report/curves.h"

namespace keel {

// One metrics.jsonl. A resumed run repeats steps: of two rows of one kind the later one counts, and what lay
// after it is dropped.
struct RunCurves {
  std::string name;                     // of the sub-folder; "" for the run folder itself
  std::map<std::string, Curve> values;  // by the row's key, finite numbers only
  ShareCurve zone_tokens, zone_weight;

  const Curve& at(const std::string& key) const;  // an empty curve when there is none
};

// Names of the sources that have a validation loss of their own, over all runs, sorted; the loss of one is
// the curve eval_loss/NAME.
std::vector<std::string> evaluated_sources(const std::vector<RunCurves>& runs);
inline constexpr const char* kSourceLoss = "eval_loss/";

struct RunFolder {
  std::string name;  // of the folder
  Json summary;      // an object; empty when there is no summary.json
  std::vector<RunCurves> runs;
  std::vector<std::pair<std::string, std::string>> configs;  // file name, text
  std::vector<std::string> notes;                            // what was skipped and why
};

// UserError when run_dir is no run folder or summary.json is not a JSON object.
RunFolder read_run_folder(const std::filesystem::path& run_dir);

}  // namespace keel
