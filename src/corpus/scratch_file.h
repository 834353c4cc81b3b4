// Bytes that are too many to hold: a file without a name in the folder for temporary files (TMPDIR, else
// /tmp), gone with the object.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/fs.h"

namespace keel {

fs::path temporary_folder();

class ScratchFile {
 public:
  ScratchFile();
  ~ScratchFile();
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  // UserError when the disk is full or refuses.
  void write(std::string_view bytes);

  MappedFile map() const;  // what was written; it lives on without this object

 private:
  fs::path folder_;
  int fd_ = -1;
};

}  // namespace keel
