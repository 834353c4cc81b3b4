// The header of a safetensors file, without torch. Layout of the file: 8 bytes little-endian length n, n
// bytes of JSON (name -> dtype, shape, data_offsets; "__metadata__" -> strings), then the tensors' bytes.
// Format: the safetensors README of Hugging Face.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace keel {

struct SafetensorsEntry {
  std::string dtype;           // "F32", "BF16", …
  std::vector<int64_t> shape;  // empty: a scalar
  uint64_t begin = 0;          // bytes from the start of the data (not of the file)
  uint64_t end = 0;
};

struct SafetensorsHeader {
  std::map<std::string, SafetensorsEntry> tensors;
  std::map<std::string, std::string> metadata;
  uint64_t data_offset = 0;  // where the data starts in the file
};

// Bytes of one element of a known dtype; 0 for an unknown one.
size_t safetensors_dtype_size(std::string_view dtype);

// Reads and checks the header of a whole file's bytes. After it every entry is inside the file, has the size
// that its shape and dtype ask for, and the entries cover the data without overlap or hole. Otherwise
// UserError whose place is `where` (the path) and the tensor.
SafetensorsHeader parse_safetensors(std::span<const std::byte> file, const std::string& where);

// The length and the JSON, padded so that the data starts at a multiple of 8 bytes. Entries are given with
// their offsets.
std::string render_safetensors_header(const SafetensorsHeader& header);

}  // namespace keel
