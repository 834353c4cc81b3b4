#include "app/resume.h"

#include <algorithm>

#include "app/interpolation.h"
#include "app/output_folder.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "checkpoint/run_state.h"
#include "config/changes.h"
#include "config/settings.h"
#include "train/sick_run.h"
#include "train/trainer.h"

namespace keel {
namespace {

// Another split of the same samples into micro-batches trains the same steps, to rounding.
bool same_samples_a_step(const TrainOptions& was, const TrainOptions& now) {
  return was.per_device_train_batch_size * was.gradient_accumulation_steps ==
         now.per_device_train_batch_size * now.gradient_accumulation_steps;
}

// Whether something that alters the result was let through.
bool check_changes(RunConfig& config, const fs::path& file) {
  LoadedRun was = load_run_config({file.string()}, {.command = "train"});
  std::vector<ConfigChange> changes = take_over(was.config.fields(), config.fields());
  if (same_samples_a_step(was.config.train, config.train)) {
    const auto splits = std::erase_if(changes, [](const ConfigChange& c) {
      return c.key == "per_device_train_batch_size" || c.key == "gradient_accumulation_steps";
    });
    if (splits > 0) info("another split of a step's samples: equal to rounding, not bit by bit");
  }
  throw_problems(refused(changes, config.train.allow_change));
  for (const ConfigChange& c : changes) warn("{}: {} from here on, {} before", c.key, c.now, c.was);
  return !changes.empty();
}

// summary.json is the last that a run writes beside its page, also when it is interrupted, and a run that
// goes on takes it away first (forget_end).
bool has_ended(const fs::path& dir) {
  const fs::path file = dir / "summary.json";
  if (!fs::exists(file) || !fs::exists(dir / "model")) return false;
  const Json summary = read_json(file);
  return summary.value("/facts/ended"_json_pointer, std::string(kInterrupted)) != kInterrupted;
}

// To start over would remove what may still be saved.
[[noreturn]] void fail_none_good(const fs::path& checkpoints) {
  throw UserError(
      {.where = checkpoints.string(),
       .found = "there are checkpoints, but none is whole",
       .wanted = "one to go on from",
       .hint = "mend the disk and try again; overwrite_output_dir: true, without resume, starts over"});
}

}  // namespace

bool wants_resume(const TrainOptions& options) {
  return !options.resume_from_checkpoint.empty() && parse_bool(options.resume_from_checkpoint) != false;
}

void refuse_changes(RunConfig config) {
  const fs::path dir = config.train.output_dir;
  LoadedRun was = load_run_config({(dir / "config.yaml").string()}, {.command = "train"});
  std::vector<ErrorText> problems = refused(take_over(was.config.fields(), config.fields()), {});
  for (ErrorText& problem : problems) {
    problem.where = dir.string() + ": " + problem.where;
    problem.hint = "set it back, or begin again in another folder";
  }
  throw_problems(problems);
}

ResumePoint prepare_resume(RunConfig& config) {
  const fs::path dir = config.train.output_dir, file = dir / "config.yaml";
  const std::string& asked = config.train.resume_from_checkpoint;
  const bool newest = parse_bool(asked) == true || asked == "auto";
  const auto& allowed = config.train.allow_change;
  const bool changed = (fs::exists(file) && check_changes(config, file)) ||
                       std::ranges::find(allowed, "dataset") != allowed.end();
  if (newest && !changed && has_ended(dir)) return {.finished = true};
  std::optional<fs::path> found;
  if (!newest) {
    verify_checkpoint(asked);
    found = asked;
  } else if (const auto entry = newest_good_checkpoint(dir / "checkpoints")) {
    found = entry->dir;
  }
  if (!found && !list_checkpoints(dir / "checkpoints").empty()) fail_none_good(dir / "checkpoints");
  if (found && !fs::exists(file))
    throw UserError({.where = file.string(),
                     .found = "not there",
                     .wanted = "the configuration that the run began with",
                     .hint = "resume_from_checkpoint works in the folder of the run: set output_dir to it"});
  remove_tree(dir / "rejected.jsonl");  // the rows are read again
  if (!found) {
    info("no checkpoint in {}: starting from the beginning", dir.string());
    empty_output_folder(dir);
  }
  return {.checkpoint = found};
}

void forget_end(const fs::path& run_dir) {
  remove_tree(run_dir / "summary.json");
  remove_tree(run_dir / kDiagnosisFile);
  remove_tree(run_dir / kInterpolatedFolder);
}

}  // namespace keel
