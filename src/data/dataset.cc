#include "data/dataset.h"

#include <fmt/format.h>

#include <numeric>

#include "base/error.h"
#include "base/names.h"
#include "data/encoded_rows.h"
#include "data/split.h"

namespace keel {
namespace {

[[noreturn]] void throw_nothing_left(const DataStats& s, const std::vector<std::string>& sources) {
  throw UserError(
      {.where = join(sources),
       .found = fmt::format("nothing to train in {} rows ({} dropped as too long, {} without a "
                            "label)",
                            s.rows, s.dropped, s.no_label),
       .wanted = "at least one reply",
       .hint = s.dropped > 0 ? "raise cutoff_len" : "look at train_on and the weights of rows and messages"});
}

void pack(Dataset& set, int64_t pack_length) {
  set.examples = set.examples.packed(pack_length);
  set.stats.examples = static_cast<int64_t>(set.examples.size());
  set.stats.fill =
      static_cast<double>(set.stats.tokens) / static_cast<double>(set.stats.examples * pack_length);
  const int64_t fewest = (set.stats.tokens + pack_length - 1) / pack_length;
  set.stats.best_fill = static_cast<double>(fewest) / static_cast<double>(set.stats.examples);
}

std::vector<uint32_t> all_rows(const EncodedRows& rows) {
  std::vector<uint32_t> all(rows.store->rows());
  std::iota(all.begin(), all.end(), 0U);
  return all;
}

// rejected: bad rows, which belong to no part of the rows.
Dataset set_of(const EncodedRows& rows, std::span<const uint32_t> chosen, int64_t rejected) {
  Dataset set{.examples = ExampleSet(rows.store, chosen),
              .hash = rows.hash,
              .cache = rows.cache,
              .from_cache = rows.from_cache};
  for (const Source& source : rows.sources) set.sources.push_back(source.name);
  set.stats.rejected = rejected;
  std::vector<int64_t> lengths;
  for (const uint32_t row : chosen) {
    const DataStats stats = rows.store->stats(row);
    set.stats += stats;
    if (stats.longest > 0) lengths.push_back(stats.longest);
  }
  set_lengths(set.stats, std::move(lengths));
  if (set.examples.empty()) throw_nothing_left(set.stats, set.sources);
  return set;
}

int64_t count_rejected(const EncodedRows& rows) {
  int64_t n = 0;
  for (const Source& source : rows.sources) n += static_cast<int64_t>(source.rejections.size());
  return n;
}

Dataset whole_set(const EncodedRows& rows) { return set_of(rows, all_rows(rows), count_rejected(rows)); }

struct Split {
  std::vector<uint32_t> train, validation;
  std::vector<bool> out;  // of each row
};

Split split_rows(const EncodedRows& rows, double val_size) {
  std::vector<uint64_t> hashes;
  for (size_t row = 0; row < rows.store->rows(); ++row) hashes.push_back(rows.store->hash(row));
  Split split{.train = {}, .validation = {}, .out = held_out(hashes, val_size)};
  for (const uint32_t row : all_rows(rows)) (split.out[row] ? split.validation : split.train).push_back(row);
  return split;
}

void show_rows(const DataContext& context, EncodedRows& rows, const std::vector<bool>& out,
               RowSet validation) {
  if (!context.on_rows || rows.from_cache) return;
  RowSet train{.sources = rows.head.sources};
  if (validation.sources.empty()) validation.sources = rows.head.sources;
  for (size_t i = 0; i < rows.head_rows.size(); ++i) {
    RowSet& side = out[rows.head_rows[i]] ? validation : train;
    side.records.push_back(std::move(rows.head.records[i]));
    side.source.push_back(rows.head.source[i]);
  }
  context.on_rows(train, validation);
}

std::vector<double> order_keys(const ExampleSet& examples, const std::string& order_by) {
  std::vector<double> keys(order_by.empty() ? 0 : examples.size());
  for (size_t i = 0; i < keys.size(); ++i)
    keys[i] = order_by == kOrderByLength ? static_cast<double>(examples.length(i)) : examples.order(i);
  return keys;
}

void check_options(const DataOptions& o, Stage stage, const std::vector<DatasetSpec>& validation) {
  if (o.val_size > 0 && !validation.empty())
    throw UserError({.where = "val_size",
                     .found = o.eval_dataset.empty() ? "val_size and a dataset's eval, both"
                                                     : "val_size and eval_dataset, both",
                     .wanted = "one of them",
                     .hint = "leave val_size out to validate on files"});
  if (stage == Stage::cpt && o.packing && !o.order_by.empty())
    throw UserError({.where = "order_by",
                     .found = fmt::format("order_by: {} with packed texts", o.order_by),
                     .wanted = "packing: false",
                     .hint = "a packed row holds texts of all kinds"});
  if (o.overlength == "split" && stage == Stage::sft)
    throw UserError({.where = "overlength",
                     .found = "split for chats",
                     .wanted = "drop_oldest_turns, drop or error",
                     .hint = "a reply is never cut; only plain text (stage: cpt) is split"});
}

}  // namespace

Stage parse_stage(const std::string& name) {
  if (name == "sft") return Stage::sft;
  if (name == "cpt") return Stage::cpt;
  if (name == "any") return Stage::any;
  throw UserError({.where = "stage", .found = fmt::format("\"{}\"", name), .wanted = "sft or cpt"});
}

Dataset load_dataset(const std::vector<DatasetSpec>& specs, const DataContext& context) {
  return whole_set(encode_sources(specs, context, context.stage));
}

Dataset load_dataset(const std::vector<std::string>& names, const DataContext& context) {
  return load_dataset(specs_of(names), context);
}

TrainingSets load_training_sets(const DataContext& context) {
  const DataOptions& o = context.options;
  const std::vector<DatasetSpec> validation_from = validation_specs(o);
  check_options(o, context.stage, validation_from);
  EncodedRows rows = encode_sources(training_specs(o), context, context.stage);
  TrainingSets sets;
  Split split = split_rows(rows, o.val_size);
  sets.train = set_of(rows, split.train, count_rejected(rows));
  if (context.stage == Stage::cpt && o.packing)
    pack(sets.train, o.pack_length > 0 ? o.pack_length : o.cutoff_len);
  sets.train.order_keys = order_keys(sets.train.examples, o.order_by);
  if (!split.validation.empty()) sets.validation = set_of(rows, split.validation, 0);
  RowSet validation;
  if (!validation_from.empty()) {
    EncodedRows held = encode_sources(validation_from, context, context.stage);
    sets.validation = whole_set(held);
    validation = std::move(held.head);
  }
  show_rows(context, rows, split.out, std::move(validation));
  if (!o.general_dataset.empty()) {
    DataContext general = context;
    general.on_rows = {};
    sets.general = whole_set(encode_sources(specs_of(o.general_dataset), general, Stage::any));
  }
  return sets;
}

}  // namespace keel
