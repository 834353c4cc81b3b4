#include "checkpoint/run_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

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
  std::vector<fs::path> out;
  std::error_code ec;
  for (fs::directory_iterator it(root, ec), end; !ec && it != end; it.increment(ec))
    if (it->is_directory(ec)) out.push_back(it->path());
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

}  // namespace

void write_run_state(const std::filesystem::path& dir, const RunState& state) {
  save_safetensors(dir / kOptimizer, state.optimizer);
  write_file(dir / kTrainer, state.trainer.dump(2) + "\n");
}

RunState read_run_state(const std::filesystem::path& dir) {
  for (const char* name : {kTrainer, kOptimizer})
    if (!fs::exists(dir / name))
      throw UserError({.where = dir.string(),
                       .found = fmt::format("no {}", name),
                       .wanted = "a checkpoint of a run",
                       .hint = "name a folder such as RUN/checkpoints/step-000100"});
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
    if (step && fs::exists(dir / kTrainer) && fs::exists(dir / kOptimizer)) out.push_back({*step, dir});
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.step < b.step; });
  return out;
}

std::optional<CheckpointEntry> newest_good_checkpoint(const std::filesystem::path& root) {
  const std::vector<CheckpointEntry> all = list_checkpoints(root);
  for (size_t i = all.size(); i-- > 0;) {
    try {
      verify_checksums(all[i].dir);
      return all[i];
    } catch (const UserError& e) {
      warn("{} is damaged and passed over: {}", all[i].dir.string(), e.what());
    }
  }
  return std::nullopt;
}

void prune_checkpoints(const std::filesystem::path& root, int64_t keep,
                       const std::set<std::string>& protected_names) {
  KEEL_CHECK(keep >= 0, "a number of checkpoints to keep");
  for (const fs::path& dir : folders_of(root)) {
    const std::string name = dir.filename().string();
    if (name.ends_with(kLeftover) && step_of(name.substr(0, name.size() - kLeftover.size())))
      remove_checkpoint(dir);
  }
  std::vector<CheckpointEntry> old = list_checkpoints(root);
  const int64_t spared = std::min<int64_t>(keep + 1, static_cast<int64_t>(old.size()));
  old.resize(old.size() - static_cast<size_t>(spared));
  for (const CheckpointEntry& entry : old)
    if (!protected_names.contains(entry.dir.filename().string())) remove_checkpoint(entry.dir);
}

}  // namespace keel
