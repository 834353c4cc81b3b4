#include "app/replay_text.h"

#include <fmt/format.h>

#include "app/session.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/names.h"

namespace keel {
namespace {

ReplaySet make(const RunConfig& config, ChatModel& model) {
  const ProtectionOptions& o = config.protection;
  if (!o.kl_replay_path.empty()) return load_replay_set(o.kl_replay_path, *model.lm);
  const auto seed = static_cast<uint64_t>(config.train.seed);
  std::vector<Example> texts =
      o.kl_replay_dataset.empty()
          ? write_replay_texts(model, o.kl_replay_tokens, seed)
          : pick_replay_texts(load_set(o.kl_replay_dataset, config.data, Stage::any, model),
                              o.kl_replay_tokens, seed);
  return make_replay_set(*model.lm, std::move(texts), o.kl_replay_top_k, config.data.cutoff_len);
}

}  // namespace

ReplayHalves replay_text(const RunConfig& config, ChatModel& model, bool resumed) {
  if (!needs_replay_text(config.protection)) return {};
  const fs::path file = fs::path(config.train.output_dir) / kReplayFile;
  const Stopwatch clock;
  const bool kept = resumed && fs::exists(file);
  ReplaySet set = kept ? load_replay_set(file, *model.lm) : make(config, model);
  if (!kept) save_replay_set(file, set);
  ReplayHalves halves = split_replay_set(std::move(set));
  info("replay text: {} tokens in {} texts, {} more held out to measure by ({})", halves.trained.replayed(),
       halves.trained.examples.size(), halves.held_out.replayed(), format_duration(clock.seconds()));
  return halves;
}

}  // namespace keel
