// All rows of a set as tokens, in little room: token ids once, everything else as runs of equal tokens. Held
// in memory, or in a folder of files that are mapped, so that a set may be larger than the memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "data/column.h"
#include "data/encode.h"
#include "data/example.h"
#include "data/stats.h"

namespace keel {

// Tokens that are alike as labels.
struct LabelRun {
  uint32_t tokens = 0;
  int32_t turn = -1;
  float weight = 0;
  uint32_t end_of_turn = 0;

  bool labelled() const { return weight != 0; }
};

class ExampleStore {
 public:
  ExampleStore() = default;                                             // in memory
  explicit ExampleStore(const fs::path& folder);                        // in files of an empty folder
  static ExampleStore open(const fs::path& folder, const Json& sizes);  // UserError: other sizes than that

  // A row with its examples (none: a row that is not trained). hash: of its content.
  // order: the row's number for order_by.
  void add(const EncodedRow& row, uint64_t hash, int32_t source, std::string_view place, double order = 0);
  void finish();       // no more rows come; everything below needs it
  Json sizes() const;  // for open()

  size_t rows() const { return rows_.size(); }
  uint64_t hash(size_t row) const { return rows_.values()[row].hash; }
  DataStats stats(size_t row) const;
  std::pair<uint32_t, uint32_t> examples_of(size_t row) const;  // [first, last)

  size_t examples() const { return examples_.size(); }
  int64_t length(size_t example) const { return examples_.values()[example].tokens; }
  int32_t source(size_t example) const { return rows_.values()[examples_.values()[example].row].source; }
  double order(size_t example) const { return rows_.values()[examples_.values()[example].row].order; }
  std::span<const LabelRun> runs(size_t example) const;
  bool part_of_conversation(size_t example) const {
    return examples_.values()[example].conversation_supervised > 0;
  }
  Example example(size_t example) const;

 private:
  struct StoredRow {
    uint64_t hash = 0, place = 0;  // place: where it begins in places_
    uint32_t example = 0;          // the first one
    int32_t source = 0;
    double order = 0;
  };
  struct StoredExample {
    uint64_t ids = 0, runs = 0;  // where they begin
    int64_t conversation_supervised = 0;
    uint32_t tokens = 0, row = 0;
  };

  void add_runs(const Example& e);

  Column<int32_t> ids_;
  Column<LabelRun> runs_;
  Column<StoredExample> examples_;
  Column<StoredRow> rows_;
  Column<RowCounts> counts_;
  Column<char> places_;
};

}  // namespace keel
