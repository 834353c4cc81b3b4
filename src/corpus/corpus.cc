#include "corpus/corpus.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <span>

#include "base/error.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/names.h"
#include "corpus/files.h"
#include "corpus/parquet.h"
#include "corpus/readers/reader.h"
#include "corpus/table.h"
#include "corpus/unpack.h"

namespace keel {
namespace {

constexpr const char* kKnownFiles = "Parquet, a JSON array, JSON lines, or a .csv, .tsv or .txt file";
constexpr size_t kShownReasons = 5;

const RowReader& reader_named(const std::string& schema) {
  for (const RowReader& reader : row_readers()) {
    if (schema == reader.name) return reader;
  }
  throw UserError(
      {.where = "schema", .found = fmt::format("\"{}\"", schema), .wanted = join(corpus_schemas())});
}

// By the fields that hold something; by all fields when these do not tell.
const RowReader* reader_for(const Json& row) {
  const auto readers = row_readers();
  const auto find = [&](const Json& fields) -> const RowReader* {
    const auto found = std::ranges::find_if(readers, [&](const RowReader& r) { return r.knows(fields); });
    return found == readers.end() ? nullptr : &*found;
  };
  if (std::ranges::none_of(row, [](const Json& value) { return value.is_null(); })) return find(row);
  Json filled = Json::object();
  for (const auto& [key, value] : row.items())
    if (!value.is_null()) filled[key] = value;
  const RowReader* reader = find(filled);
  return reader != nullptr ? reader : find(row);
}

Json rename_fields(const Json& row, const CorpusOptions& options) {
  Json renamed = Json::object();
  for (const auto& [from, to] : options.columns) {
    if (row.contains(from)) renamed[to] = row[from];
  }
  const auto is_mapped = [&](const std::string& name) {
    return std::ranges::any_of(options.columns,
                               [&](const auto& pair) { return pair.first == name || pair.second == name; });
  };
  for (const auto& [name, value] : row.items())
    if ((options.other_columns || name == "weight") && !is_mapped(name)) renamed[name] = value;
  return renamed;
}

MaybeFault take_row_weight(const Json& row, double& weight) {
  const auto found = row.find("weight");
  if (found == row.end() || found->is_null()) return {};
  if (!found->is_number() || !(found->get<double>() >= 0))
    return Fault{"weight", describe_value(*found), "a number from 0"};
  weight = found->get<double>();
  return {};
}

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
  explicit CorpusReader(const CorpusOptions& options)
      : options_(options), forced_(options.schema.empty() ? nullptr : &reader_named(options.schema)) {}

  void read_file(const fs::path& path) {
    const DataFile file(path);
    corpus_.files.push_back(path);
    hashes_ += to_hex(hash64(file.bytes()));
    const std::string_view bytes = without_bom(file.bytes());
    if (is_parquet(bytes) && file.packed())
      throw UserError({.where = path.string(),
                       .found = "a packed Parquet file",
                       .wanted = "the .parquet file itself, which is packed inside",
                       .hint = "unpack it once by hand"});
    const RowCallback on_row = [&](std::string_view text, int64_t line) {
      add_row(text, fmt::format("{}:{}", path.string(), line));
      return !full();
    };
    if (is_parquet(bytes)) return split_parquet(path, on_row);
    switch (file_kind(bytes, unpacked_name(path).extension().string())) {
      case FileKind::json_array:
        return split_array(bytes, on_row);
      case FileKind::json_lines:
        return split_lines(bytes, on_row);
      case FileKind::csv:
        return add_table(bytes, ',', path);
      case FileKind::tsv:
        return add_table(bytes, '\t', path);
      case FileKind::plain_text:
        return add_plain_text(bytes, path.string() + ":1");
      case FileKind::unknown:
        break;
    }
    throw UserError(
        {.where = path.string(), .found = "no kind of file that Keel reads", .wanted = kKnownFiles});
  }

  bool full() const {
    const size_t rows = corpus_.records.size() + corpus_.rejections.size();
    return options_.max_rows > 0 && rows >= static_cast<size_t>(options_.max_rows);
  }

  Corpus finish(const fs::path& path) {
    const size_t rejected = corpus_.rejections.size(), rows = corpus_.records.size() + rejected;
    if (rows == 0) throw UserError({.where = path.string(), .found = "no rows", .wanted = "at least one"});
    const double share = static_cast<double>(rejected) / static_cast<double>(rows);
    if (corpus_.records.empty() || share > options_.max_rejected)
      throw UserError(
          {.where = path.string(),
           .found = fmt::format("{} of {} rows are bad: {}", rejected, rows, reasons_of(corpus_.rejections)),
           .wanted = fmt::format("at most {:.4g} % bad rows", options_.max_rejected * 100),
           .hint = "mend or remove these rows, or raise max_rejected"});
    corpus_.schema = join(std::vector<std::string>(schemas_.begin(), schemas_.end()), "+");
    corpus_.hash = hashes_.size() == 16 ? hashes_ : to_hex(hash64(hashes_));
    return std::move(corpus_);
  }

 private:
  void add_row(std::string_view text, std::string place) {
    Json row;
    MaybeFault fault = parse_row(text, row);
    add_fields(std::move(fault), std::move(row), false, std::move(place));
  }

  void add_table(std::string_view bytes, char separator, const fs::path& path) {
    split_table(bytes, separator, path, [&](MaybeFault fault, Json row, int64_t line) {
      add_fields(std::move(fault), std::move(row), true, fmt::format("{}:{}", path.string(), line));
      return !full();
    });
  }

  void add_fields(MaybeFault fault, Json row, bool of_table, std::string place) {
    Record record{.place = place};
    if (!fault && !options_.columns.empty()) row = rename_fields(row, options_);
    if (!fault && of_table) read_cells(row);
    if (!fault) fault = read_fields(row, record);
    if (fault)
      reject({std::move(place), std::move(fault->field), std::move(fault->found), std::move(fault->wanted)});
    else
      corpus_.records.push_back(std::move(record));
  }

  MaybeFault read_fields(const Json& row, Record& record) {
    if (auto fault = take_row_weight(row, record.weight)) return fault;
    const RowReader* reader = forced_ != nullptr ? forced_ : reader_for(row);
    if (reader == nullptr) return unknown_row(row);
    if (auto fault = reader->read(row, options_.tags, record)) return fault;
    schemas_.insert(reader->name);
    return {};
  }

  static MaybeFault unknown_row(const Json& row) {
    std::vector<std::string> known;
    for (const RowReader& reader : row_readers()) {
      if (&reader != row_readers().data())
        known.push_back(fmt::format("{} ({})", reader.name, reader.fields));
    }
    return Fault{"", describe_value(row), "the fields of a known schema: " + join(known, "; ")};
  }

  void add_plain_text(std::string_view bytes, std::string place) {
    if (is_blank(bytes)) return;
    if (auto fault = check_text(bytes)) return reject({place, "", fault->found, fault->wanted});
    schemas_.insert("text");
    corpus_.records.push_back({.text = std::string(bytes), .place = std::move(place)});
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
  const RowReader* forced_;
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
