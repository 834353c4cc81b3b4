// A file's bytes as the texts of its rows: JSON lines, or the elements of a JSON array. Broken rows are found
// one by one, so that the good ones around them are still read.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace keel {

// What is wrong in a row. field: path inside the row such as messages[2].role, empty for the whole row.
struct Fault {
  std::string field, found, wanted;
};

enum class FileKind { json_array, json_lines, plain_text, csv, tsv, unknown };

// By the first character that is no blank; .txt, .csv and .tsv are what they say whatever they hold.
FileKind file_kind(std::string_view bytes, std::string_view extension);

// line: of the row's first character, from 1. Returning false ends the reading.
using RowCallback = std::function<bool(std::string_view text, int64_t line)>;

void split_lines(std::string_view bytes, const RowCallback& on_row);
// Text behind the array is one more row. An array that never closes ends in a row which does not parse.
void split_array(std::string_view bytes, const RowCallback& on_row);

inline constexpr int kDeepestRow = 100;  // levels of lists and objects

// The row as an object. Faults: invalid UTF-8, broken JSON, nested deeper than kDeepestRow, no object, a
// field given twice.
std::optional<Fault> parse_row(std::string_view text, Json& row);

// Plain text: only its encoding can be wrong.
std::optional<Fault> check_text(std::string_view text);

std::string_view without_bom(std::string_view bytes);

}  // namespace keel
