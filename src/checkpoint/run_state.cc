#include "checkpoint/run_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ranges>

#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "checkpoint/checksums.h"

namespace keel {
namespace {

constexpr const char* kTrainer = "trainer_state.json";
constexpr const char* kOptimizer = "optimizer.safetensors";
constexpr std::string_view kPrefix = "step-";
constexpr std::string_view kLeftover = ".part";  // PartFolder's ending, and ours while we remove

std::optional<int64_t> step_of(const std::string& name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  const char *begin = name.data() + kPrefix.size(), *end = name.data() + name.size();
  int64_t step = 0;
  const auto [stop, error] = std::from_chars(begin, end, step);
  if (error != std::errc() || stop != end || step < 0) return std::nullopt;
  return step;
}

std::vector<fs::path> folders_of(const fs::path& root) {
  if (!fs::exists(root)) return {};
  std::vector<fs::path> out = list_folder(root);
  std::erase_if(out, [](const fs::path& entry) { return !fs::is_directory(entry); });
  return out;
}

// Renamed first: a kill during the removal must not leave half a checkpoint under the name of a whole one.
void remove_checkpoint(const fs::path& dir) {
  fs::path doomed = dir;
  std::error_code ec;
  if (!dir.filename().string().ends_with(kLeftover)) {
    doomed += kLeftover;
    fs::rename(dir, doomed, ec);
  }
  if (!ec) fs::remove_all(doomed, ec);
  if (ec) warn("cannot remove the old checkpoint {}: {}", dir.string(), ec.message());
}

// At every instant the folder is what its checksums.json says: the file is unlisted first, then removed.
void forget_optimizer(const fs::path& dir) {
  try {
    forget_checksum(dir, kOptimizer);
    remove_tree(dir / kOptimizer);
  } catch (const UserError& e) {
    warn("the optimiser's state in an older checkpoint stays: {}", e.what());
  }
}

void check_resumable(const fs::path& dir) {
  if (!fs::exists(dir / kTrainer))
    throw UserError({.where = dir.string(),
                     .found = fmt::format("no {}", kTrainer),
                     .wanted = "a checkpoint of a run",
                     .hint = "name a folder such as RUN/checkpoints/step-000100"});
  if (!fs::exists(dir / kOptimizer))
    throw UserError({.where = dir.string(),
                     .found = fmt::format("no {}: older checkpoints are kept as models only", kOptimizer),
                     .wanted = fmt::format("one of the {} newest checkpoints of a run", kResumable),
                     .hint = "resume_from_checkpoint: true goes on from the newest"});
}

void remove_old(const fs::path& root, int64_t step, int64_t keep) {
  for (const fs::path& dir : folders_of(root)) {
    const std::string name = dir.filename().string();
    if (name.ends_with(kLeftover) && step_of(name.substr(0, name.size() - kLeftover.size())))
      remove_checkpoint(dir);
  }
  int64_t newer = 0;
  for (const CheckpointEntry& entry : std::views::reverse(list_checkpoints(root))) {
    if (entry.step > step || newer > keep)
      remove_checkpoint(entry.dir);
    else if (newer >= kResumable && entry.resumable)
      forget_optimizer(entry.dir);
    newer += entry.step <= step;
  }
}

}  // namespace

void write_run_state(const std::filesystem::path& dir, const RunState& state) {
  save_safetensors(dir / kOptimizer, state.optimizer);
  write_file(dir / kTrainer, state.trainer.dump(2) + "\n");
}

RunState read_run_state(const std::filesystem::path& dir) {
  check_resumable(dir);
  RunState state{.trainer = read_json(dir / kTrainer), .optimizer = load_safetensors(dir / kOptimizer)};
  if (!state.trainer.is_object())
    throw UserError({.where = (dir / kTrainer).string(), .found = "not a JSON object"});
  return state;
}

std::string checkpoint_name(int64_t step) { return fmt::format("{}{:06}", kPrefix, step); }

std::vector<CheckpointEntry> list_checkpoints(const std::filesystem::path& root) {
  std::vector<CheckpointEntry> out;
  for (const fs::path& dir : folders_of(root)) {
    const auto step = step_of(dir.filename().string());
    if (step && fs::exists(dir / kTrainer)) out.push_back({*step, dir, fs::exists(dir / kOptimizer)});
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.step < b.step; });
  return out;
}

void verify_checkpoint(const std::filesystem::path& dir) {
  check_resumable(dir);
  verify_checksums(dir, {kTrainer, kOptimizer});
}

std::optional<CheckpointEntry> newest_good_checkpoint(const std::filesystem::path& root) {
  const std::vector<CheckpointEntry> all = list_checkpoints(root);
  for (size_t i = all.size(); i-- > 0;) {
    if (!all[i].resumable) continue;
    try {
      verify_checkpoint(all[i].dir);
      return all[i];
    } catch (const UserError& e) {
      warn("{} is damaged and passed over: {}", all[i].dir.string(), e.what());
    }
  }
  return std::nullopt;
}

void prune_checkpoints(const std::filesystem::path& root, int64_t step, int64_t keep) {
  KEEL_CHECK(keep >= 0, "a number of checkpoints to keep");
  try {
    remove_old(root, step, keep);
  } catch (const UserError& e) {
    warn("old checkpoints stay: {}", e.what());
  }
}

}  // namespace keel
