// Whether a folder still holds what was written: checksums.json names every file, sub-folders' too, with its
// length and XXH3; of a safetensors file that of its header and of each tensor.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "checkpoint/tensors.h"

namespace keel {

inline constexpr const char* kChecksums = "checksums.json";

// held: what the safetensors files were written from. Tensors of these names are hashed where they are, not
// read back from the disk.
void write_checksums(const std::filesystem::path& dir, const TensorMap& held = {});

// The file `name` is about to be taken out of the folder.
void forget_checksum(const std::filesystem::path& dir, const std::string& name);

// UserError naming the first file that is missing, shorter, longer or changed, and the tensor in it, or one
// of `needed` that is not listed. A folder without checksums.json fails too.
void verify_checksums(const std::filesystem::path& dir, const std::vector<std::string>& needed = {});

}  // namespace keel
