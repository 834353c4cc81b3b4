// Whether a folder still holds what was written: checksums.json names every file, sub-folders' too, with its
// length and XXH3; of a safetensors file that of its header and of each tensor.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace keel {

inline constexpr const char* kChecksums = "checksums.json";

void write_checksums(const std::filesystem::path& dir);

// The file `name` is about to be taken out of the folder.
void forget_checksum(const std::filesystem::path& dir, const std::string& name);

// UserError naming the first file that is missing, shorter, longer or changed, and the tensor in it, or one
// of `needed` that is not listed. A folder without checksums.json fails too.
void verify_checksums(const std::filesystem::path& dir, const std::vector<std::string>& needed = {});

}  // namespace keel
