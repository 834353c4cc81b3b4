// From the text of a row, or the cells of a table, to a record.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "corpus/corpus.h"
#include "corpus/readers/reader.h"
#include "corpus/rejection.h"

namespace keel {

struct RawRow {
  std::string_view text;
  std::optional<std::string> own;  // holds text where the file's own bytes do not stay
  std::optional<Json> cells;       // of a table, instead of text
  bool plain = false;              // text is no JSON, but the record's own
  MaybeFault fault;                // found by the table's reader
  int64_t line = 1;
};

struct ParsedRow {
  Record record;
  std::optional<Rejection> rejected;  // instead of record
  const char* schema = nullptr;       // of record
};

// Rows are parsed on their own, so on any thread.
class RowParser {
 public:
  // options have to outlive the parser. UserError: an unknown schema.
  explicit RowParser(const CorpusOptions& options);

  ParsedRow parse(RawRow row, const std::string& file) const;

 private:
  MaybeFault read(RawRow& row, ParsedRow& out) const;

  const CorpusOptions& options_;
  const RowReader* forced_;  // the one that options.schema names
};

}  // namespace keel
