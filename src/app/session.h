// From a resolved RunConfig to loaded things: threads, model, data sets.
#pragma once

#include <filesystem>
#include <vector>

#include "config/run_config.h"
#include "data/dataset.h"
#include "eval/chat_model.h"
#include "train/evaluator.h"

namespace keel {

// Sets the thread count of the tensor library (0: all cores).
void set_threads(int64_t threads);

ChatModel load_model(const RunConfig& config, bool train);

// What a run with this configuration saved, to be measured or asked.
ChatModel load_trained(RunConfig config, const std::filesystem::path& saved);

struct RunData {
  Dataset train;
  EvalSets eval;
};

// Bad rows, one JSON object a line; an empty path: nowhere. Made when the first one comes.
RejectionSink rejection_file(std::filesystem::path path);

// The training set with what is held out of it, eval_dataset and general_dataset. Bad rows go to
// run_dir/rejected.jsonl (an empty run_dir: nowhere). Logs one line of numbers a set.
RunData load_run_data(const RunConfig& config, const ChatModel& model, const std::filesystem::path& run_dir,
                      const RowsCallback& on_rows = {});

// loss_reduction: auto becomes what the training set calls for, and that is logged.
void settle_loss_reduction(RunConfig& config, const Dataset& train);

// One held-out set. stage: sft, cpt or any.
std::vector<Example> load_set(const std::vector<std::string>& files, const DataOptions& options, Stage stage,
                              const ChatModel& model);

// Versions and machine, for config.yaml, summary.json and `keel version`.
Json version_facts();

}  // namespace keel
