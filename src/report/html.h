// report.html: one self-contained file made from what lies in a run folder, nothing else.
//
// Read from run_dir (any may be missing, but not all metrics and the summary):
//   summary.json   {"title", "verdict", "command",
//                   "facts": {name: value, …},
//                   "tables": [{"title", "columns": [...], "rows": [[...], …], "note"?}],
//                   "frontier"?: as in report/frontier.h,
//                   "samples": [{"prompt", "reference"?, "answers": [{"name", "text", "right"?}, …]}]}
//   metrics.jsonl  training rows {"step", "loss", "learning_rate", "grad_norm", "entropy", "tokens_per_s",
//                   "zone_tokens": [4], "zone_weight": [4], …} and evaluation rows {"step", "eval_loss",
//                   "general_loss", "eval_loss/SOURCE"…}
//   */metrics.jsonl of sub-folders: one arm each (the demo), drawn over each other under the folder's name
//   config.yaml, plan.yaml (of a comparison)   shown folded
// All text from data is escaped. No script is needed to read it; no outside requests.
#pragma once

#include <filesystem>

namespace keel {

void write_report(const std::filesystem::path& run_dir);  // UserError when the folder is no run folder

}  // namespace keel
