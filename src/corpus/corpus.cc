#include "corpus/corpus.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <iterator>
#include <set>
#include <span>

#include "base/error.h"
#include "base/hash.h"
#include "base/names.h"
#include "corpus/files.h"
#include "corpus/parquet.h"
#include "corpus/row_blocks.h"
#include "corpus/table.h"
#include "corpus/unpack.h"

namespace keel {
namespace {

constexpr const char* kKnownFiles = "Parquet, a JSON array, JSON lines, or a .csv, .tsv or .txt file";
constexpr size_t kShownReasons = 5;
constexpr size_t kCellsBytes = 256;  // what a row of a table counts for

// "3 × output: null, wanted text (first at a.json:7)", most frequent first.
std::string reasons_of(const std::vector<Rejection>& rejections) {
  const std::vector<RejectedFor> reasons = by_reason(rejections);
  std::vector<std::string> lines;
  for (const RejectedFor& r : std::span(reasons).first(std::min(kShownReasons, reasons.size())))
    lines.push_back(fmt::format("{} × {} (first at {})", r.count, r.text, r.places.front()));
  if (reasons.size() > kShownReasons)
    lines.push_back(fmt::format("and {} more reasons", reasons.size() - kShownReasons));
  return join(lines, "; ");
}

class CorpusReader {
 public:
  explicit CorpusReader(const CorpusOptions& options) : options_(options), parser_(options) {}

  void read_file(const fs::path& path) {
    const DataFile file(path);
    std::future<std::string> hash = std::async(std::launch::async, [&file] { return file.hash(); });
    corpus_.files.push_back(path);
    if (is_parquet(without_bom(file.bytes())) && file.packed())
      throw UserError({.where = path.string(),
                       .found = "a packed Parquet file",
                       .wanted = "the .parquet file itself, which is packed inside",
                       .hint = "unpack it once by hand"});
    RowBlocks rows(parser_, file, path.string(), options_.threads,
                   [this](std::vector<ParsedRow> parsed) { take(std::move(parsed)); });
    read_rows(without_bom(file.bytes()), path, rows);
    rows.finish();
    hashes_ += hash.get();
  }

  bool full(size_t waiting = 0) const {
    return options_.max_rows > 0 && rows_ + waiting >= static_cast<size_t>(options_.max_rows);
  }

  Corpus finish(const fs::path& path) {
    if (rows_ == 0) throw UserError({.where = path.string(), .found = "no rows", .wanted = "at least one"});
    const size_t rejected = corpus_.rejections.size();
    const double share = static_cast<double>(rejected) / static_cast<double>(rows_);
    if (rejected == rows_ || share > options_.max_rejected)
      throw UserError(
          {.where = path.string(),
           .found = fmt::format("{} of {} rows are bad: {}", rejected, rows_, reasons_of(corpus_.rejections)),
           .wanted = fmt::format("at most {:.4g} % bad rows", options_.max_rejected * 100),
           .hint = "mend or remove these rows, or raise max_rejected"});
    corpus_.schema = join(std::vector<std::string>(schemas_.begin(), schemas_.end()), "+");
    corpus_.hash = hashes_.size() == 16 ? hashes_ : to_hex(hash64(hashes_));
    return std::move(corpus_);
  }

 private:
  void read_rows(std::string_view bytes, const fs::path& path, RowBlocks& rows) const {
    const RowCallback on_row = [&](std::string_view text, int64_t line) {
      rows.add({.text = text, .line = line}, text.size());
      return !full(rows.waiting());
    };
    if (is_parquet(bytes)) return read_parquet(path, rows);
    switch (file_kind(bytes, unpacked_name(path).extension().string())) {
      case FileKind::json_array:
        return split_array(bytes, on_row);
      case FileKind::json_lines:
        return split_lines(bytes, on_row);
      case FileKind::csv:
        return read_table(bytes, ',', path, rows);
      case FileKind::tsv:
        return read_table(bytes, '\t', path, rows);
      case FileKind::plain_text:
        if (!is_blank(bytes)) rows.add({.text = bytes, .plain = true}, bytes.size());
        return;
      case FileKind::unknown:
        break;
    }
    throw UserError(
        {.where = path.string(), .found = "no kind of file that Keel reads", .wanted = kKnownFiles});
  }

  void read_parquet(const fs::path& path, RowBlocks& rows) const {
    split_parquet(path, [&](std::string_view text, int64_t line) {
      rows.add({.own = std::string(text), .line = line}, text.size());
      return !full(rows.waiting());
    });
  }

  void read_table(std::string_view bytes, char separator, const fs::path& path, RowBlocks& rows) const {
    split_table(bytes, separator, path, [&](MaybeFault fault, Json cells, int64_t line) {
      rows.add({.cells = std::move(cells), .fault = std::move(fault), .line = line}, kCellsBytes);
      return !full(rows.waiting());
    });
  }

  void take(std::vector<ParsedRow> parsed) {
    std::vector<Record> records;
    for (ParsedRow& row : parsed) {
      ++rows_;
      if (row.rejected) {
        reject(std::move(*row.rejected));
        continue;
      }
      schemas_.insert(row.schema);
      records.push_back(std::move(row.record));
    }
    if (options_.on_records)
      options_.on_records(std::move(records));
    else
      std::ranges::move(records, std::back_inserter(corpus_.records));
  }

  void reject(Rejection rejection) {
    if (options_.sink) options_.sink(rejection);
    if (options_.strict)
      throw UserError(
          {.where = rejection.place,
           .found = rejection.field.empty() ? rejection.found : rejection.field + ": " + rejection.found,
           .wanted = rejection.wanted,
           .hint = "strict: true stops at the first bad row"});
    corpus_.rejections.push_back(std::move(rejection));
  }

  const CorpusOptions& options_;
  RowParser parser_;
  size_t rows_ = 0;  // good or bad
  Corpus corpus_;
  std::set<std::string> schemas_;
  std::string hashes_;
};

}  // namespace

Corpus read_corpus(const fs::path& path, const CorpusOptions& options) {
  CorpusReader reader(options);
  for (const fs::path& file : corpus_files(path, options.split)) {
    if (reader.full()) break;
    reader.read_file(file);
  }
  return reader.finish(path);
}

}  // namespace keel
