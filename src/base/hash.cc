#include "base/hash.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <memory>
#include <new>

#include "base/fs.h"

namespace keel {
namespace {

constexpr size_t kPiece = size_t{4} << 20;

}  // namespace

uint64_t hash64(std::span<const std::byte> bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }
uint64_t hash64(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }
std::string to_hex(uint64_t value) { return fmt::format("{:016x}", value); }

std::string hash_file(const std::filesystem::path& path) {
  const std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state(XXH3_createState(),
                                                                              XXH3_freeState);
  if (state == nullptr) throw std::bad_alloc();
  XXH3_64bits_reset(state.get());
  const MappedFile file(path);
  for (size_t at = 0; at < file.bytes().size(); at += kPiece) {
    const auto piece = file.bytes().subspan(at, std::min(kPiece, file.bytes().size() - at));
    XXH3_64bits_update(state.get(), piece.data(), piece.size());
    file.release(at, at + piece.size());
  }
  return to_hex(XXH3_64bits_digest(state.get()));
}

}  // namespace keel
