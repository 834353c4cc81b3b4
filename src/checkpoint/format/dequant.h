// The weight types of GGUF that Keel reads, and their values as float. Torch-free.
//
// A row is cut into blocks of `block` values; a block holds its scales (half precision), perhaps minima, and
// small integers. Layouts as ggml defines them; the order of the floating-point operations is the one of the
// gguf Python package, so that both give the same bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace keel {

struct GgufType {
  uint32_t id;
  std::string_view name;
  size_t block;  // values
  size_t bytes;  // of one block
};

// The type with that number in the file, or null when Keel cannot read it.
const GgufType* find_gguf_type(uint32_t id);

// "Q4_1", or "type 99" — also names the ones that Keel cannot read.
std::string gguf_type_name(uint32_t id);
std::string known_gguf_types();  // "F32, F16, …"

// bytes.size() == values.size() / type.block * type.bytes, whole blocks.
void dequantize(const GgufType& type, std::span<const std::byte> bytes, std::span<float> values);

float half_to_float(uint16_t bits);

}  // namespace keel
