// Whether a folder still holds what was written: checksums.json names every file with its length and XXH3.
#pragma once

#include <filesystem>

namespace keel {

inline constexpr const char* kChecksums = "checksums.json";

void write_checksums(const std::filesystem::path& dir);

// UserError naming the first file that is missing, shorter, longer or changed. A folder without
// checksums.json fails too.
void verify_checksums(const std::filesystem::path& dir);

}  // namespace keel
