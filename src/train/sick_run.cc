#include "train/sick_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/fs.h"
#include "base/log.h"
#include "checkpoint/run_state.h"

namespace keel {
namespace {

struct Cause {
  std::string likely;
  std::string option, value;  // to go on with
};

std::string fault_of(const BadUpdate& u) {
  const char* name = std::isfinite(u.loss) ? "gradient norm" : "loss";
  const double value = std::isfinite(u.loss) ? u.grad_norm : u.loss;
  return fmt::format("{} {}", name, std::isnan(value) ? "NaN" : "infinite");
}

std::string streak_text(const std::vector<BadUpdate>& streak) {
  std::string out;
  for (const BadUpdate& u : streak)
    out += fmt::format("\n  step {}: {}, learning rate {:.4g}", u.step, fault_of(u), u.learning_rate);
  return out;
}

Cause cause_of(const SickRun& run) {
  const bool only_gradients =
      std::ranges::all_of(run.streak, [](const BadUpdate& u) { return std::isfinite(u.loss); });
  if (!run.quarantine)
    return {"sick rows, which quarantine: false leaves in; or a learning_rate that is too high", "quarantine",
            "true"};
  if (run.memory.health.finite_step == 0)
    return {"no update was ever finite: the model's weights, or a compute type that is too small for them",
            "precision", "fp32"};
  if (only_gradients && run.memory.precision.starts_with("bf16"))
    return {"the loss is finite and its gradient is not: the compute type is too small", "precision", "fp32"};
  return {"a learning_rate that is too high has driven the weights away", "learning_rate",
          fmt::format("{:.3g}", run.learning_rate / 2)};
}

std::string way_on(const SickRun& run, const Cause& cause, const std::optional<fs::path>& checkpoint) {
  if (run.run_dir.empty()) return fmt::format("{}: {}", cause.option, cause.value);
  const std::string command =
      fmt::format("keel train {} --{} {}", (run.run_dir / "config.yaml").string(), cause.option, cause.value);
  if (checkpoint)
    return fmt::format("{} --resume --allow_change {}\n          goes on from {}", command, cause.option,
                       checkpoint->string());
  return command +
         " --output_dir NEW_FOLDER\n          starts over: no checkpoint from before can be gone on from";
}

std::string before_text(const SickRun& run) {
  const int64_t step = run.memory.health.finite_step;
  const std::string last = step == 0
                               ? "no update was finite"
                               : fmt::format("the last finite update was in step {}, with a loss of {:.4g}",
                                             step, run.memory.last_loss);
  return fmt::format("{}; rows in quarantine: {}", last, run.quarantined);
}

// Checkpoints behind this many steps or more are set aside under a name that nothing takes for a
// checkpoint's. Returns the newest good one of the others.
std::optional<fs::path> fall_back_before(const fs::path& root, int64_t step) {
  for (const CheckpointEntry& entry : list_checkpoints(root)) {
    if (entry.step < step) continue;
    fs::path aside = entry.dir;
    aside += ".sick";
    remove_tree(aside);  // of an earlier fall
    std::error_code ec;
    fs::rename(entry.dir, aside, ec);
    if (ec) warn("cannot rename {}: {}", entry.dir.string(), ec.message());
  }
  const auto good = newest_good_checkpoint(root);
  return good ? std::optional(good->dir) : std::nullopt;
}

}  // namespace

ErrorText diagnosis_of(const SickRun& run, const std::optional<fs::path>& checkpoint) {
  const Cause cause = cause_of(run);
  const char* rows = run.quarantine ? "no row explains it" : "rows are not looked at (quarantine: false)";
  return {
      .where = fmt::format("step {}", run.memory.step),
      .found = fmt::format("the run is sick and stops: {} updates in a row had no finite loss or gradient; "
                           "{}{}\n  before: {}\n  likely: {}",
                           run.streak.size(), rows, streak_text(run.streak), before_text(run), cause.likely),
      .hint = way_on(run, cause, checkpoint)};
}

// The loss of the last finite step was that of the weights from before its update: what came out of that
// update was never seen finite, and a checkpoint behind that step is not trusted either.
void stop_sick_run(const SickRun& run) {
  if (run.run_dir.empty()) throw UserError(diagnosis_of(run, std::nullopt));
  const UserError error(
      diagnosis_of(run, fall_back_before(run.run_dir / "checkpoints", run.memory.health.finite_step)));
  write_file(run.run_dir / kDiagnosisFile, std::string(error.what()) + "\n");
  throw error;
}

}  // namespace keel
