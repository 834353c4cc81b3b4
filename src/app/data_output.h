// A new file of rows, and beside it FILE.log.jsonl, which tells every change. The rows that are read stay as
// they are.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "data/row_set.h"

namespace keel {

struct NewRowsOptions {
  std::string output;
  bool overwrite = false;

  template <class V>
  void fields(V& v) {
    v.group("output");
    v("output", output,
      "new JSONL file (OpenAI messages, or text); FILE.log.jsonl beside it tells every change");
    v("overwrite", overwrite, "replace an earlier output");
  }
};

std::filesystem::path log_of_rows(const std::filesystem::path& output);

// UserError: no name; it or its log is there and may not be replaced.
void check_new_rows(const NewRowsOptions& options);

// UserError: it or its log is a file that the rows came from.
void check_not_read(const std::filesystem::path& output, const RowSet& rows);

void write_lines(const std::filesystem::path& path, const std::vector<Json>& rows);

}  // namespace keel
