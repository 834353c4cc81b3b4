// Options of the token weightings (torch-free). Formulas and sources: docs/numerics.md and each file
// in weights/.
#pragma once

#include <string>

#include "base/fields.h"

namespace keel {

struct LossOptions {
  std::string token_weighting = "nlirg";
  std::string weighting_control = "none";
  double weight_eos = 1.0;
  double nlirg_k = 1.7;
  double nlirg_x0 = 1.2;
  double nlirg_loss_threshold = 3.0;
  double nlirg_loss_deadline = 15.0;
  double nlirg_descent_center = 6.2;
  double nlirg_max_lr = 1.0;
  double nlirg_min_lr = 5e-8;
  double nlirg_smooth_k = 2.0;
  double nlirg_smooth_center = 3.3;
  double focal_gamma = 2.0;
  double dft_floor = 0.1;
  double eaft_alpha = 1.0;
  double infosft_probability = 0.93;
  double stm_perplexity = 2.5;
  double gem_temperature = 0.7;
  double gem_slope = 0.01;
  double psft_clip = 0.2;
  int64_t psft_refresh = 8;
  double entropy_gate_floor = 0.1;
  double max_turn_loss = 0;
  int64_t loss_chunk = 512;
  Json weighting_by_dataset;  // {dataset name: {option of this group: value}}

  template <class V>
  void fields(V& v) {
    v.group("token weighting");
    v("token_weighting", token_weighting, "weight of each supervised token as a function of its own loss",
      {.aliases = {"loss_type"},
       .choices = {"none", "nlirg", "nlirg-article", "nlirg-smooth", "focal", "dft", "eaft", "deft",
                   "infosft", "stm", "psft", "entropy-gate", "gem"}});
    v("weighting_control", weighting_control,
      "trains a control of the weighting instead, to see what its choice of tokens is worth. permuted: its "
      "weights shuffled among the tokens of a batch; scaled: plain loss, learning rate times its mean weight",
      {.choices = {"none", "permuted", "scaled"}});
    v("weight_eos", weight_eos,
      "weight of the end-of-turn token under a weighting; negative: as any other token");
    v("nlirg_k", nlirg_k, "steepness of the rise");
    v("nlirg_x0", nlirg_x0, "loss at which the rise is half way");
    v("nlirg_loss_threshold", nlirg_loss_threshold, "loss at which the rise ends and the descent begins",
      {.min = 0});
    v("nlirg_loss_deadline", nlirg_loss_deadline, "loss from which on a token has weight 0", {.min = 0});
    v("nlirg_descent_center", nlirg_descent_center, "loss at which the descent is half way");
    v("nlirg_max_lr", nlirg_max_lr, "factor on every weight", {.min = 0});
    v("nlirg_min_lr", nlirg_min_lr, "least weight below the deadline", {.min = 0});
    v("nlirg_smooth_k", nlirg_smooth_k, "nlirg-smooth: steepness of the descent");
    v("nlirg_smooth_center", nlirg_smooth_center, "nlirg-smooth: loss at which the descent is half way");
    v("focal_gamma", focal_gamma, "focal: exponent of (1-p)", {.min = 0});
    v("dft_floor", dft_floor, "dft: least weight", {.min = 0, .max = 1});
    v("eaft_alpha", eaft_alpha, "eaft: exponent of the entropy over 3", {.min = 0});
    v("infosft_probability", infosft_probability, "infosft: probability from which on a token has weight 0",
      {.min = 0.501, .max = 0.9999});
    v("stm_perplexity", stm_perplexity,
      "stm: tokens of a higher perplexity than this before training have weight 0", {.min = 1});
    v("gem_temperature", gem_temperature, "gem: temperature of the words that the label is weighed against",
      {.min = 0.01});
    v("gem_slope", gem_slope, "gem: slope of h_v = sigmoid(slope * (z_v - z_y)); 0: h_v = 1, the linear one",
      {.min = 0});
    v("psft_clip", psft_clip, "psft: a token that got likelier by more than this share has weight 0",
      {.min = 0});
    v("psft_refresh", psft_refresh, "psft: updates after which p_old is that of the model then", {.min = 1});
    v("entropy_gate_floor", entropy_gate_floor, "entropy-gate: least factor of the entropy",
      {.min = 0, .max = 1});
    v("weighting_by_dataset", weighting_by_dataset,
      "other weighting options for single datasets: {file or name: {token_weighting: …, nlirg_k: …}}");
    v("max_turn_loss", max_turn_loss,
      "a reply whose mean loss is above this is scaled down to it (one more pass over the head); 0: off",
      {.min = 0});
    v("loss_chunk", loss_chunk, "supervised rows whose logits exist at one time", {.min = 1});
  }
};

}  // namespace keel
