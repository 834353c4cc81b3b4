#include "train/disk_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "checkpoint/run_state.h"

namespace keel {
namespace {

std::string size_text(int64_t bytes) { return format_bytes(static_cast<double>(bytes)); }

// What the run will replace or remove. Linked files are shared with a folder that stays.
int64_t replaced_bytes(const fs::path& run_dir) {
  int64_t bytes = 0;
  for (const char* name : {"checkpoints", "best"}) {
    if (!fs::exists(run_dir / name)) continue;
    for (const fs::path& file : list_files(run_dir / name))
      if (fs::hard_link_count(file) == 1) bytes += static_cast<int64_t>(fs::file_size(file));
  }
  return bytes;
}

std::string parts_text(const DiskPlan& plan, const SaveSizes& sizes) {
  std::string out = fmt::format("a model of {}", size_text(sizes.weights));
  if (plan.checkpoints > 0)
    out += fmt::format(", {} checkpoints of {}", plan.kept_checkpoints(), size_text(sizes.checkpoint()));
  if (plan.epochs > 0) out += fmt::format(", {} more for checkpoint_epoch", plan.epochs);
  if (plan.best) out += ", the best model";
  return out + ", and the newest of them while it is written";
}

}  // namespace

bool is_due(const StepPlace& at, int64_t step, int64_t every) {
  return at.ends_stage || (every > 0 ? step % every == 0 : at.ends_epoch);
}

int64_t DiskPlan::kept_checkpoints() const { return std::min(checkpoints, keep + 1); }

int64_t DiskPlan::most_bytes(const SaveSizes& sizes) const {
  const int64_t kept = kept_checkpoints(), while_saving = std::min(checkpoints, keep + 2);
  const auto taken = [&](int64_t models, int64_t states) {
    return (models + epochs) * sizes.weights + states * sizes.optimiser;
  };
  // Pruning comes after saving. At the end the final model is written, or before it a new best one.
  const int64_t saving = taken(while_saving + (best ? 1 : 0), std::min(while_saving, kResumable + 1));
  const int64_t ending = taken(kept + (best ? 2 : 1), std::min(kept, kResumable));
  return std::max(saving, ending);
}

DiskPlan disk_plan(const Sampler& sampler, const TrainOptions& options, int64_t step, bool chooses) {
  DiskPlan plan{.keep = options.save_total_limit, .best = chooses && options.load_best_model_at_end};
  const int64_t last = sampler.total_steps();
  while (++step <= last) {
    const StepPlace at = sampler.place(step - 1);
    plan.checkpoints += step < last && is_due(at, step, options.save_steps);
    plan.epochs +=
        at.ends_epoch && std::ranges::count(options.checkpoint_epoch, std::to_string(at.epoch)) > 0;
  }
  return plan;
}

void check_disk(const fs::path& run_dir, const DiskPlan& plan, const SaveSizes& sizes, int64_t free) {
  const int64_t kept = std::max<int64_t>(plan.kept_checkpoints(), 1);  // that of an interruption, if no other
  info("a checkpoint takes {} (model {}, optimiser {}); kept at most: {}, {} of them with the optimiser",
       size_text(sizes.checkpoint()), size_text(sizes.weights), size_text(sizes.optimiser), kept,
       std::min(kept, kResumable));
  const int64_t beside = plan.checkpoints > 0 ? sizes.checkpoint() : sizes.weights;
  const int64_t wanted = std::max(plan.most_bytes(sizes) - replaced_bytes(run_dir), beside);
  if (free >= wanted) return;
  throw UserError({.where = run_dir.string(),
                   .found = fmt::format("{} free on its disk", size_text(free)),
                   .wanted = fmt::format("{} for what the run keeps at once: {}", size_text(wanted),
                                         parts_text(plan, sizes)),
                   .hint = "free space, choose another output_dir, or keep less: save_total_limit, "
                           "checkpoint_epoch, load_best_model_at_end: false"});
}

}  // namespace keel
