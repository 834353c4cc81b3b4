#include "data/dataset.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/names.h"
#include "base/parallel.h"
#include "data/encode.h"
#include "data/pack.h"

namespace keel {
namespace {

void check_kind(const Record& record, Stage stage) {
  if (record.label || !record.rejected.is_null())
    throw UserError({.where = record.place,
                     .found = record.label ? "preference data (a reply with a label)"
                                           : "preference data (a pair of chosen and rejected replies)",
                     .wanted = "replies to imitate",
                     .hint = "Keel does not train on preferences; keep the good replies in a file of their "
                             "own"});
  const bool text = record.messages.empty();
  if (stage == Stage::any || text == (stage == Stage::cpt)) return;
  throw UserError({.where = record.place,
                   .found = text ? "plain text" : "a chat",
                   .wanted = text ? "chats (stage: sft)" : "plain text (stage: cpt)",
                   .hint = text ? "stage: cpt trains plain text" : "stage: sft trains chats"});
}

RowSet read_checked(const std::vector<DatasetSpec>& specs, const DataContext& context, Stage stage) {
  RowSet rows = read_rows(specs, context.options, context.rejected);
  for (const Record& record : rows.records) check_kind(record, stage);
  return rows;
}

// Rows that the template refuses are bad rows like any other; those that the weights leave out are only told
// of.
void report_refused(const std::vector<EncodedRow>& rows, const DataContext& context) {
  int64_t refused = 0;
  const Rejection* first = nullptr;
  for (const EncodedRow& row : rows) {
    if (!row.refused) continue;
    if (context.rejected) context.rejected(*row.refused);
    if (row.stats.rejected == 0) continue;
    if (first == nullptr) first = &*row.refused;
    ++refused;
  }
  const double most = context.options.strict ? 0 : context.options.max_rejected;
  if (refused == 0 || static_cast<double>(refused) <= most * static_cast<double>(rows.size())) return;
  throw UserError({.where = first->place,
                   .found = fmt::format("{} of {} rows are refused by the chat template, this one: {}",
                                        refused, rows.size(), first->found),
                   .wanted = first->wanted,
                   .hint = "mend these rows, name another template, or raise max_rejected"});
}

[[noreturn]] void throw_nothing_left(const DataStats& s, const std::vector<std::string>& sources) {
  throw UserError(
      {.where = join(sources),
       .found = fmt::format("nothing to train in {} rows ({} dropped as too long, {} without a "
                            "label)",
                            s.rows, s.dropped, s.no_label),
       .wanted = "at least one reply",
       .hint = s.dropped > 0 ? "raise cutoff_len" : "look at train_on and the weights of rows and messages"});
}

Dataset encode_rows(RowSet rows, const DataContext& context, bool pack) {
  const EncodeContext encode = encode_context(context.tokenizer, context.chat_template, context.options);
  std::vector<EncodedRow> encoded(rows.records.size());
  const auto threads = static_cast<size_t>(context.options.preprocessing_num_workers);
  for_each_row(encoded.size(), threads, [&](size_t i) {
    const Record& record = rows.records[i];
    encoded[i] = record.messages.empty() ? encode_text(record, encode) : encode_chat(record, encode);
  });
  report_refused(encoded, context);
  Dataset set{.hash = std::move(rows.hash)};
  for (Source& source : rows.sources) {
    set.sources.push_back(std::move(source.name));
    set.weights.push_back(source.weight);
    set.stats.rejected += static_cast<int64_t>(source.rejections.size());
  }
  std::vector<int64_t> lengths;
  for (size_t i = 0; i < encoded.size(); ++i) {
    set.stats += encoded[i].stats;
    if (encoded[i].stats.longest > 0) lengths.push_back(encoded[i].stats.longest);
    for (Example& e : encoded[i].examples) {
      e.source = rows.source[i];
      set.examples.push_back(std::move(e));
    }
  }
  set_lengths(set.stats, std::move(lengths));
  if (set.examples.empty()) throw_nothing_left(set.stats, set.sources);
  if (pack) {
    set.examples = pack_rows(std::move(set.examples), encode.pack_length);
    set.stats.examples = static_cast<int64_t>(set.examples.size());
    set.stats.fill =
        static_cast<double>(set.stats.tokens) / static_cast<double>(set.stats.examples * encode.pack_length);
    const int64_t fewest = (set.stats.tokens + encode.pack_length - 1) / encode.pack_length;
    set.stats.best_fill = static_cast<double>(fewest) / static_cast<double>(set.stats.examples);
  }
  return set;
}

void check_options(const DataOptions& o, Stage stage) {
  if (o.val_size > 0 && !o.eval_dataset.empty())
    throw UserError({.where = "val_size",
                     .found = "val_size and eval_dataset, both",
                     .wanted = "one of them",
                     .hint = "leave val_size out to validate on eval_dataset"});
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
  return encode_rows(read_checked(specs, context, context.stage), context, false);
}

Dataset load_dataset(const std::vector<std::string>& names, const DataContext& context) {
  return load_dataset(specs_of(names), context);
}

TrainingSets load_training_sets(const DataContext& context) {
  const DataOptions& o = context.options;
  check_options(o, context.stage);
  RowSet rows = read_checked(training_specs(o), context, context.stage), validation;
  if (o.val_size > 0) validation = hold_out(rows, o.val_size);
  if (!o.eval_dataset.empty()) validation = read_checked(specs_of(o.eval_dataset), context, context.stage);
  if (context.on_rows) context.on_rows(rows, validation);
  TrainingSets sets;
  sets.train = encode_rows(std::move(rows), context, context.stage == Stage::cpt && o.packing);
  if (!validation.sources.empty()) sets.validation = encode_rows(std::move(validation), context, false);
  if (!o.general_dataset.empty())
    sets.general =
        encode_rows(read_checked(specs_of(o.general_dataset), context, Stage::any), context, false);
  return sets;
}

}  // namespace keel
