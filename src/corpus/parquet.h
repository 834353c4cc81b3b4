// Parquet files, read by the bridge: rows as JSON texts, with nested lists and structs as they are.
#pragma once

#include <filesystem>
#include <string_view>

#include "corpus/rows.h"

namespace keel {

// Whether a file that begins so is one.
bool is_parquet(std::string_view bytes);

// line: the number of the row, from 1. UserError: a damaged or encrypted file, a compression other than none,
// snappy, gzip, zstd and lz4, a text that is not UTF-8.
void split_parquet(const std::filesystem::path& path, const RowCallback& on_row);

}  // namespace keel
