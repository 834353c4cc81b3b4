// Tables with a header row: CSV and TSV as RFC 4180 has them. A quoted cell may hold separators, line ends
// and doubled quotes; an unquoted one takes quotes as they are. Line ends are LF or CRLF.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>

#include "base/json.h"
#include "corpus/rows.h"

namespace keel {

// A row as an object of texts, without its empty cells, or what is wrong with it. line: of the row's first
// character, from 1. Returning false ends the reading.
using TableCallback = std::function<bool(std::optional<Fault> fault, Json row, int64_t line)>;

// separator ',' also stands for ';' or tab when the header has no comma but one of these. Rows of empty cells
// are passed over, so are columns without a name. After a row with a broken quote reading goes on at the next
// line. UserError: a header that cannot be used.
void split_table(std::string_view bytes, char separator, const std::filesystem::path& path,
                 const TableCallback& on_row);

// Texts of a table where a schema has something else: a number (weight), true or false (label), the JSON of a
// list or an object (messages, conversations, history, tools, chosen, rejected). What does not read so stays
// a text.
void read_cells(Json& row);

}  // namespace keel
