// Options of what keeps a model at what it could (torch-free).
#pragma once

#include <string>
#include <vector>

#include "base/fields.h"

namespace keel {

// What `protect` sets, where the user has not; docs/protect.md.
inline constexpr double kProtectingReplay = 1;                       // kl_replay
inline constexpr const char* kFrozenToProtect = "*.embed_tokens.*";  // freeze, where all weights are trained

struct ProtectionOptions {
  bool protect = false;
  double kl_replay = 0;
  double kl_replay_ratio = 0.25;
  int64_t kl_replay_tokens = 16384;
  int64_t kl_replay_top_k = 64;
  std::vector<std::string> kl_replay_dataset;
  std::string kl_replay_path;
  double kl_train = 0;
  bool distill = false;
  std::string teacher_model_path;
  double coefficient_of_origin_loss = 0.5;
  double l2_sp = 0;
  double ewc = 0;
  std::vector<double> interpolate;
  double interpolate_least_gain = 0.98;
  double stop_on_forgetting = 0;
  Json gates;  // config/red_lines.h

  template <class V>
  void fields(V& v) {
    v.group("keeping old abilities");
    v("protect", protect,
      "keep what the model could, without other data: sets what docs/protect.md found to work best");
    v("kl_replay", kl_replay,
      "adds this many times the KL divergence, per token, from the model as it was to the model as it is, on "
      "text that the model wrote itself before training; 0: off",
      {.min = 0});
    v("kl_replay_ratio", kl_replay_ratio, "tokens of such text in a step, as a share of its training tokens",
      {.min = 0.01, .max = 4});
    v("kl_replay_tokens", kl_replay_tokens, "tokens that the model writes at the start", {.min = 256});
    v("kl_replay_top_k", kl_replay_top_k,
      "likeliest tokens whose probabilities are kept at each place; the others are one bucket", {.min = 1});
    v("kl_replay_dataset", kl_replay_dataset,
      "files of chats or texts to use in place of what the model writes itself");
    v("kl_replay_path", kl_replay_path,
      "replay.safetensors of another run that began with the same model: nothing is written anew",
      {.free_on_resume = true});
    v("kl_train", kl_train,
      "adds this many times the KL divergence, per trained token, from the model as it was; 0: off",
      {.min = 0});
    v("distill", distill,
      "each trained token is also learned from what the teacher says of it (all of its distribution)");
    v("teacher_model_path", teacher_model_path,
      "distill: folder of a model with the same tokens; empty: the model as it was before training",
      {.aliases = {"teacher_model", "teacher_model_name_or_path"}});
    v("coefficient_of_origin_loss", coefficient_of_origin_loss,
      "distill: share c of the label's own loss; the teacher's cross-entropy has 1 - c",
      {.min = 0, .max = 1});
    v("l2_sp", l2_sp, "decoupled decay of the weights towards where they began, as weight_decay is towards 0",
      {.min = 0});
    v("ewc", ewc,
      "adds ewc/2 * sum of F * (weight - weight at the start)^2 to the loss, F the Fisher information per "
      "token "
      "of text that the model wrote itself (the options kl_replay_*); 0: off",
      {.min = 0});
    v("interpolate", interpolate,
      "after training, measure the models that lie these shares of the way from the model as it was to the "
      "trained one, such as 0.5,0.7,0.9, and save the best as OUTPUT_DIR/interpolated",
      {.min = 0.01, .max = 0.99});
    v("interpolate_least_gain", interpolate_least_gain,
      "the best one has the least general loss among those that keep this share of the gain in domain loss",
      {.min = 0, .max = 1});
    v("stop_on_forgetting", stop_on_forgetting,
      "stop when the general loss is more than this share above its value before training, and keep the best "
      "weights from before that; 0: off",
      {.min = 0});
    v("gates", gates,
      "red lines of the saved model, such as {general_loss: {max_rise: 0.02}, kl_from_start: {max: 0.1}}; a "
      "crossed one ends the run with exit code 3 (docs/protect.md)",
      {.free_on_resume = true});
  }
};

// kl_replay repeats it, ewc takes its Fisher information from it.
inline bool needs_replay_text(const ProtectionOptions& o) { return o.kl_replay > 0 || o.ewc > 0; }

}  // namespace keel
