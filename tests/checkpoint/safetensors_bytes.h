// Writes safetensors bytes by hand, right or wrong.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>

namespace keel::test {

// The length of the header, the header, and data.
inline std::string safetensors_bytes(const std::string& json, size_t data_bytes) {
  const uint64_t length = json.size();
  std::string out(8, '\0');
  std::memcpy(out.data(), &length, 8);
  return out + json + std::string(data_bytes, '\1');
}

}  // namespace keel::test
