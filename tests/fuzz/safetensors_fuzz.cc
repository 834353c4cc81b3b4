// The header of a safetensors file. One that is accepted covers the data, and can be written and read again.
#include "checkpoint/format/safetensors.h"
#include "fuzz/fuzz_target.h"

namespace keel::fuzz {

void fuzz_one(std::string_view input) {
  const SafetensorsHeader header = parse_safetensors(std::as_bytes(std::span(input)), "input.safetensors");
  const size_t data_bytes = input.size() - header.data_offset;
  for (const auto& [name, entry] : header.tensors)
    KEEL_CHECK(entry.begin <= entry.end && entry.end <= data_bytes, "a tensor outside the data");
  const std::string again = render_safetensors_header(header) + std::string(data_bytes, '\0');
  const SafetensorsHeader reread = parse_safetensors(std::as_bytes(std::span(again)), "again.safetensors");
  KEEL_CHECK(reread.tensors.size() == header.tensors.size(), "another header when read again");
}

}  // namespace keel::fuzz
