#include "base/hash.h"

#include <fmt/format.h>
#include <xxhash.h>

#include "base/fs.h"

namespace keel {

uint64_t hash64(std::span<const std::byte> bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }
uint64_t hash64(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }
std::string to_hex(uint64_t value) { return fmt::format("{:016x}", value); }
std::string hash_file(const std::filesystem::path& path) { return to_hex(hash64(MappedFile(path).bytes())); }

}  // namespace keel
