// Options of the training loop (torch-free).
#pragma once

#include <string>
#include <vector>

#include "base/fields.h"

namespace keel {

struct TrainOptions {
  std::string stage = "sft";
  std::string output_dir;
  double num_train_epochs = 1.0;
  int64_t max_steps = 0;
  int64_t per_device_train_batch_size = 4;
  int64_t gradient_accumulation_steps = 1;
  int64_t token_batch = 0;
  std::string token_batch_prefix = "exact";
  bool dynamic_token_batch = false;
  bool ytrainer_compat = false;
  int64_t seed = 42;
  bool quarantine = true;
  std::string loss_spike = "warn";
  double loss_spike_z = 6;
  int64_t logging_steps = 1;
  int64_t eval_steps = 0;
  int64_t save_steps = 0;
  int64_t save_total_limit = 2;
  bool async_save = true;
  std::vector<std::string> checkpoint_epoch;
  bool load_best_model_at_end = true;
  std::string metric_for_best_model = "eval_loss";
  double frontier_weight = 1;
  int64_t early_stopping_patience = 0;
  double monitor_share = 0.03;
  int64_t sample_count = 4;
  int64_t threads = 0;
  bool overwrite_output_dir = false;
  std::string resume_from_checkpoint;
  std::vector<std::string> allow_change;
  double max_time = 0;
  double max_memory = 0;
  bool profile = false;

  template <class V>
  void fields(V& v) {
    v.group("training");
    course_fields(v);
    evaluation_fields(v);
    session_fields(v);
  }

 private:
  template <class V>
  void course_fields(V& v) {
    v("stage", stage, "sft: chats, replies trained; cpt: plain text, every token trained",
      {.aliases = {"training_type"}, .choices = {"sft", "cpt"}});
    v("output_dir", output_dir, "run folder: config, metrics, checkpoints, samples, report.html",
      {.free_on_resume = true});
    v("num_train_epochs", num_train_epochs, "passes over the training set",
      {.aliases = {"epoch", "epochs", "num_epochs", "max_epochs"}, .min = 0});
    v("max_steps", max_steps, "optimiser steps; above 0 it overrides the epochs", {.min = 0});
    v("per_device_train_batch_size", per_device_train_batch_size, "samples per micro-batch",
      {.aliases = {"batch_size", "micro_batch_size", "train_batch_size"}, .min = 1});
    v("gradient_accumulation_steps", gradient_accumulation_steps, "micro-batches per optimiser step",
      {.min = 1});
    v("token_batch", token_batch, "one optimiser step per this many supervised tokens of one sample; 0: off",
      {.min = 0});
    v("token_batch_prefix", token_batch_prefix,
      "cached: a window reuses keys and values of the tokens before it from before the last steps; faster, "
      "approximate, its distance from exact is measured (docs/numerics.md)",
      {.choices = {"exact", "cached"}});
    v("dynamic_token_batch", dynamic_token_batch,
      "let token_batch change during the run by the rule in docs/numerics.md");
    v("ytrainer_compat", ytrainer_compat,
      "token_batch exactly as Y-Trainer steps (drops tokens; for comparison only)");
    v("seed", seed, "key of every random stream", {.aliases = {"data_seed"}});
    v("quarantine", quarantine,
      "leave out rows that alone make loss or gradient non-finite, and name them in quarantine.jsonl");
    v("loss_spike", loss_spike,
      "a step whose loss or gradient norm is far above the usual: warn names it and its rows; skip leaves "
      "its update out as well",
      {.choices = {"off", "warn", "skip"}});
    v("loss_spike_z", loss_spike_z,
      "how far, in standard deviations of the steps before (docs/sick-runs.md says why 6)", {.min = 1});
  }

  template <class V>
  void evaluation_fields(V& v) {
    v("logging_steps", logging_steps, "steps between two lines of metrics",
      {.min = 1, .free_on_resume = true});
    v("eval_steps", eval_steps, "steps between two evaluations; 0: after each epoch", {.min = 0});
    v("save_steps", save_steps, "steps between two checkpoints; 0: after each epoch",
      {.min = 0, .free_on_resume = true});
    v("save_total_limit", save_total_limit, "checkpoints kept besides best and last",
      {.min = 0, .free_on_resume = true});
    v("async_save", async_save,
      "write checkpoints beside the training, from a copy in memory (docs/resume.md); false: training waits",
      {.free_on_resume = true});
    v("checkpoint_epoch", checkpoint_epoch,
      "epochs (from 0) after which a model is kept for good, such as 0,1", {.free_on_resume = true});
    v("load_best_model_at_end", load_best_model_at_end,
      "the saved model is the best one of those that were evaluated");
    v("metric_for_best_model", metric_for_best_model,
      "what the best one has the least of; frontier: eval_loss + frontier_weight * general_loss, so that "
      "learning which costs more general loss than it is worth is no progress",
      {.choices = {"eval_loss", "general_loss", "kl_from_start", "frontier"}});
    v("frontier_weight", frontier_weight,
      "frontier: what a nat of general loss counts against one of eval_loss", {.min = 0});
    v("early_stopping_patience", early_stopping_patience,
      "evaluations without a better metric_for_best_model before the run stops; 0: off",
      {.aliases = {"early_stopping_steps", "early_stop_interval"}, .min = 0});
    v("monitor_share", monitor_share,
      "share of the training time that the run may spend on looking at itself with each evaluation: KL from "
      "the start, repetition, end of turn, training rows, copying (docs/protect.md); 0: off",
      {.min = 0, .max = 0.5, .free_on_resume = true});
    v("sample_count", sample_count, "validation prompts answered before and after training",
      {.min = 0, .free_on_resume = true});
  }

  template <class V>
  void session_fields(V& v) {
    v("threads", threads, "compute threads; 0: all cores", {.min = 0, .free_on_resume = true});
    v("overwrite_output_dir", overwrite_output_dir, "replace what an earlier run left in output_dir",
      {.free_on_resume = true});
    v("resume_from_checkpoint", resume_from_checkpoint,
      "true: go on from the last good checkpoint in output_dir; a folder: from that checkpoint",
      {.aliases = {"resume", "auto_resume_from_checkpoints"}, .free_on_resume = true});
    v("allow_change", allow_change,
      "options that may differ from the interrupted run's although they alter the result",
      {.free_on_resume = true});
    v("max_time", max_time, "minutes after which the run saves and stops, to be resumed; 0: no limit",
      {.min = 0, .free_on_resume = true});
    v("max_memory", max_memory,
      "GB of the machine's memory (not a GPU's); where the run is expected to need more, as many blocks as "
      "it "
      "takes are computed again in the backward pass, and if it holds more behind a step it saves and stops; "
      "0: no limit",
      {.min = 0, .free_on_resume = true});
    v("profile", profile,
      "say at the end where the time of the steps went, and write it to profile.json (CPU only; "
      "docs/speed.md)",
      {.free_on_resume = true});
  }
};

}  // namespace keel
