// Packed files: gzip and zstd, recognised by their first bytes, so a wrong name does no harm.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/fs.h"

namespace keel {

// A file that unpacks to more than `bytes` at more than `ratio` times its own size is refused: data does not
// shrink that much, an archive made to fill the memory does.
struct UnpackLimits {
  uint64_t bytes = uint64_t{1} << 30;
  uint64_t ratio = 1000;
};

// The content of an archive (all members of a gzip file, all frames of a zstd file). UserError, naming the
// file: cut off, damaged, something else behind the archive, over the limits.
std::string unpack_gzip(std::string_view packed, const fs::path& path, const UnpackLimits& limits = {});
std::string unpack_zstd(std::string_view packed, const fs::path& path, const UnpackLimits& limits = {});

// The name without .gz or .zst at its end.
fs::path unpacked_name(const fs::path& path);

// A file's bytes, unpacked where they are packed; they live as long as the object. UserError: as above, a
// name in .gz or .zst whose content is something else, and those of MappedFile.
class DataFile {
 public:
  explicit DataFile(const fs::path& path);
  DataFile(const DataFile&) = delete;
  DataFile& operator=(const DataFile&) = delete;
  std::string_view bytes() const { return bytes_; }
  // The bytes before `end` are not needed any more (MappedFile::release).
  void release(std::ptrdiff_t end) const {
    if (!packed()) file_.release(static_cast<size_t>(end));
  }
  bool packed() const { return bytes_.data() != reinterpret_cast<const char*>(file_.bytes().data()); }

 private:
  MappedFile file_;
  std::string unpacked_;
  std::string_view bytes_;
};

}  // namespace keel
