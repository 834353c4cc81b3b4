#include "data/encoded_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/parallel.h"
#include "data/split.h"
#include "data/token_cache.h"

namespace keel {
namespace {

constexpr int64_t kHeadRows = 50'000;  // of a source
constexpr double kTellEvery_s = 15;

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

// Fills a store with the rows of one source after another.
class SourceEncoder {
 public:
  SourceEncoder(const DataContext& context, Stage stage, ExampleStore store)
      : context_(context),
        stage_(stage),
        encode_(encode_context(context.tokenizer, context.chat_template, context.options)),
        store_(std::move(store)) {}

  EncodedRows run(const std::vector<DatasetSpec>& specs) {
    RowSet read = read_rows(specs, context_.options, context_.rejected,
                            [&](size_t source, std::vector<Record> records) {
                              add(static_cast<int32_t>(source), std::move(records));
                            });
    store_.finish();
    out_.store = std::make_shared<ExampleStore>(std::move(store_));
    out_.hash = std::move(read.hash);
    out_.head.sources = read.sources;
    out_.sources = std::move(read.sources);
    return std::move(out_);
  }

 private:
  void add(int32_t source, std::vector<Record> records) {
    std::vector<EncodedRow> encoded(records.size());
    std::vector<uint64_t> hashes(records.size());
    const auto threads = static_cast<size_t>(context_.options.preprocessing_num_workers);
    for_each_row(records.size(), threads, [&](size_t i) {
      check_kind(records[i], stage_);
      encoded[i] =
          records[i].messages.empty() ? encode_text(records[i], encode_) : encode_chat(records[i], encode_);
      hashes[i] = content_hash(records[i]);
    });
    for (size_t i = 0; i < records.size(); ++i) {
      if (encoded[i].refused) refuse(encoded[i]);
      store_.add(encoded[i], hashes[i], source, records[i].place, records[i].order);
      keep_head(source, std::move(records[i]));
    }
    tell();
  }

  void refuse(EncodedRow& row) {
    if (context_.rejected) context_.rejected(*row.refused);
    out_.refused.push_back({std::move(*row.refused), row.stats.rejected > 0});
  }

  void keep_head(int32_t source, Record record) {
    if (!context_.on_rows) return;
    if (source != head_source_) head_left_ = kHeadRows;
    head_source_ = source;
    if (head_left_-- <= 0) return;
    out_.head.records.push_back(std::move(record));
    out_.head.source.push_back(source);
    out_.head_rows.push_back(static_cast<uint32_t>(store_.rows() - 1));
  }

  void tell() {
    if (clock_.seconds() < told_s_ + kTellEvery_s) return;
    told_s_ = clock_.seconds();
    info("tokenising: {} rows in {}", format_count(static_cast<int64_t>(store_.rows())),
         format_duration(told_s_));
  }

  const DataContext& context_;
  Stage stage_;
  EncodeContext encode_;
  ExampleStore store_;
  EncodedRows out_;
  int32_t head_source_ = -1;
  int64_t head_left_ = 0;
  Stopwatch clock_;
  double told_s_ = 0;
};

// Rows that the template refuses are bad rows like any other; those that the weights leave out are only told
// of.
void check_refused(const EncodedRows& rows, const DataOptions& options) {
  const auto refused = std::ranges::count_if(rows.refused, &RefusedRow::bad);
  const double most = options.strict ? 0 : options.max_rejected;
  if (refused == 0 || static_cast<double>(refused) <= most * static_cast<double>(rows.store->rows())) return;
  const Rejection& first = std::ranges::find_if(rows.refused, &RefusedRow::bad)->reason;
  throw UserError({.where = first.place,
                   .found = fmt::format("{} of {} rows are refused by the chat template, this one: {}",
                                        refused, rows.store->rows(), first.found),
                   .wanted = first.wanted,
                   .hint = "mend these rows, name another template, or raise max_rejected"});
}

// What reading would have said and thrown.
void repeat_rejections(const EncodedRows& rows, const DataContext& context) {
  for (const Source& source : rows.sources) {
    for (const Rejection& r : source.rejections) {
      if (context.rejected) context.rejected(r);
    }
  }
  for (const RefusedRow& row : rows.refused) {
    if (context.rejected) context.rejected(row.reason);
  }
}

}  // namespace

EncodedRows encode_sources(const std::vector<DatasetSpec>& specs, const DataContext& context, Stage stage) {
  const std::optional<fs::path> folder = cache_folder(specs, context, stage);
  if (folder) {
    if (std::optional<EncodedRows> rows = load_cached(*folder)) {
      repeat_rejections(*rows, context);
      check_refused(*rows, context.options);
      return std::move(*rows);
    }
  }
  std::optional<CacheWriter> writer;
  if (folder) writer.emplace(*folder);
  ExampleStore store = writer ? ExampleStore(writer->dir()) : ExampleStore();
  EncodedRows rows = SourceEncoder(context, stage, std::move(store)).run(specs);
  check_refused(rows, context.options);
  if (writer) {
    writer->commit(rows);
    rows.cache = *folder;
  }
  return rows;
}

}  // namespace keel
