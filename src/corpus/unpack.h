// Packed files: gzip and zstd, recognised by their first bytes, so a wrong name does no harm.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/fs.h"
#include "corpus/scratch_file.h"

namespace keel {

// A file that unpacks to more than `bytes` at more than `ratio` times its own size is refused: data does not
// shrink that much, an archive made to fill the memory does.
struct UnpackLimits {
  uint64_t bytes = uint64_t{1} << 30;
  uint64_t ratio = 1000;
};

// Takes the content of an archive piece by piece.
using UnpackSink = std::function<void(std::string_view piece)>;

// All members of a gzip file, all frames of a zstd file. UserError, naming the file: cut off, damaged,
// something else behind the archive, over the limits.
void unpack_gzip(std::string_view packed, const fs::path& path, const UnpackSink& sink,
                 const UnpackLimits& limits = {});
void unpack_zstd(std::string_view packed, const fs::path& path, const UnpackSink& sink,
                 const UnpackLimits& limits = {});

// The name without .gz or .zst at its end.
fs::path unpacked_name(const fs::path& path);

// A file's bytes, unpacked where they are packed; they live as long as the object. Above 64 MB what is
// unpacked lies in a temporary file. UserError: as above, a name in .gz or .zst whose content is something
// else, and those of MappedFile and ScratchFile.
class DataFile {
 public:
  explicit DataFile(const fs::path& path);
  DataFile(const DataFile&) = delete;
  DataFile& operator=(const DataFile&) = delete;
  std::string_view bytes() const { return bytes_; }
  bool packed() const { return packed_; }
  std::string hash() const;  // of the bytes
  // The bytes before `end` are not needed any more (MappedFile::release).
  void release(std::ptrdiff_t end) const {
    if (file_) file_->release(0, static_cast<size_t>(end));
  }

 private:
  template <class Unpack>
  void hold(Unpack unpack);

  bool packed_ = false;
  std::optional<ScratchFile> scratch_;
  std::optional<MappedFile> file_;  // the file itself, or the scratch file
  std::string unpacked_;            // a small archive's content
  std::string_view bytes_;
};

}  // namespace keel
