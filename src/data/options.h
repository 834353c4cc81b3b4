// Options of the data path (torch-free).
#pragma once

#include <string>
#include <vector>

#include "base/fields.h"
#include "corpus/stage_plan.h"

namespace keel {

inline constexpr const char* kOrderByLength = "length";

struct DataOptions {
  std::vector<std::string> dataset;
  Json datasets;
  Json columns;
  std::string dataset_dir;
  std::vector<std::string> eval_dataset;
  std::vector<std::string> general_dataset;
  double val_size = 0.0;
  int64_t max_samples = 0;
  std::string template_name;
  std::string chat_template;
  std::string default_system;
  int64_t cutoff_len = 2048;
  std::string overlength = "drop_oldest_turns";
  bool packing = true;
  int64_t pack_length = 0;
  MixingOptions mixing;
  std::string order_by;
  std::string train_on = "all";
  int64_t max_turn_tokens = 0;
  std::string loss_reduction = "auto";
  double max_rejected = 0.01;
  bool strict = false;
  int64_t preprocessing_num_workers = 0;
  std::string dataset_prepared_path;

  template <class V>
  void fields(V& v) {
    v.group("data");
    v("dataset", dataset,
      "training files, folders or globs (Parquet, JSON, JSONL, CSV, TSV, text; also .gz, .zst), or names of "
      "dataset_info.json in dataset_dir",
      {.aliases = {"data_path", "train_dataset", "dataset_name"}});
    v("datasets", datasets,
      "more training sources, each {path, name, format, split, weight, stage, role, eval, max_samples, "
      "columns, tags}");
    v("columns", columns, "other names of fields: {name in the schema: name in the file}, for every dataset");
    v("dataset_dir", dataset_dir, "folder that relative dataset names are looked up in");
    v("eval_dataset", eval_dataset,
      "held-out files of the domain; best checkpoint and early stop look at them",
      {.aliases = {"val_dataset", "test_datasets"}});
    v("general_dataset", general_dataset,
      "held-out general text or chats: what must not be forgotten; measured apart");
    v("val_size", val_size,
      "rows (>= 1) or share (< 1) of the training set held out by a hash of their content",
      {.aliases = {"val_set_size", "test_split_size", "split_dataset_ratio"}, .min = 0});
    v("max_samples", max_samples, "use at most this many rows of each dataset; 0: all", {.min = 0});
    v("template", template_name,
      "named built-in chat template for a model without one; empty: the model's own");
    v("chat_template", chat_template, "file with a Jinja chat template that replaces the model's own",
      {.aliases = {"chat_template_jinja", "chat_template_path"}});
    v("default_system", default_system, "system message put before conversations that have none",
      {.aliases = {"system_prompt", "system"}});
    v("cutoff_len", cutoff_len, "longest row in tokens",
      {.aliases = {"max_length", "max_seq_length", "max_seq_len", "sequence_len"}, .min = 8});
    v("overlength", overlength, "what happens to a longer row; a reply is never cut and trained as a whole",
      {.aliases = {"excess_length_strategy", "truncation_strategy"},
       .choices = {"drop_oldest_turns", "drop", "split", "error"}});
    v("packing", packing, "fill rows with whole samples (same samples per step, only faster)",
      {.aliases = {"sample_packing"}});
    v("pack_length", pack_length, "cpt: tokens of a packed row; 0: cutoff_len",
      {.aliases = {"packing_length"}, .min = 0});
    mixing.fields(v);
    v("order_by", order_by,
      "length, or a numeric field of the rows: small ones first instead of shuffled; empty: shuffled");
    v("train_on", train_on,
      "replies that are trained: all; the last; those with train: true or a weight (per_message)",
      {.choices = {"all", "last", "per_message"}});
    v("max_turn_tokens", max_turn_tokens,
      "labels of a reply from its beginning on; a longer reply's end is not trained; 0: no limit",
      {.min = 0});
    v("loss_reduction", loss_reduction,
      "what counts the same in the loss: every token, turn or sample; sqrt lies between token and sample; "
      "auto: "
      "turn where a conversation has more than one trained turn, else token",
      {.choices = {"auto", "token", "turn", "sample", "sqrt"}});
    v("max_rejected", max_rejected, "share of bad rows above which the run stops", {.min = 0, .max = 1});
    v("strict", strict, "stop at the first bad row");
    v("preprocessing_num_workers", preprocessing_num_workers, "threads that tokenise; 0: all cores",
      {.aliases = {"dataset_num_proc"}, .min = 0, .free_on_resume = true});
    v("dataset_prepared_path", dataset_prepared_path,
      "folder that keeps the tokens for the next start; empty: ~/.cache/keel/tokens for sets from 4 MB on; "
      "none: they are held in memory",
      {.aliases = {"tokenized_path"}, .free_on_resume = true});
  }
};

}  // namespace keel
