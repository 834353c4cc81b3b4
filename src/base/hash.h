// XXH3: content hashes of data, keys of caches and streams. Not for security.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace keel {

uint64_t hash64(std::span<const std::byte> bytes);
uint64_t hash64(std::string_view text);
std::string hash_file(const std::filesystem::path& path);  // 16 hex digits
std::string to_hex(uint64_t value);

}  // namespace keel
