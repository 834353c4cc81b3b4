#include "corpus/scratch_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/error.h"

namespace keel {
namespace {

[[noreturn]] void refuse(const fs::path& folder) {
  throw UserError({.where = folder.string(),
                   .found = fmt::format("cannot write a temporary file: {}", std::strerror(errno)),
                   .hint = "make room there, or set TMPDIR to another folder"});
}

}  // namespace

fs::path temporary_folder() {
  const char* const named = std::getenv("TMPDIR");
  return named != nullptr && *named != '\0' ? named : "/tmp";
}

ScratchFile::ScratchFile() : folder_(temporary_folder()) {
  std::string name = folder_ / "keel-XXXXXX";
  fd_ = ::mkstemp(name.data());
  if (fd_ < 0) refuse(folder_);
  ::unlink(name.c_str());
}

ScratchFile::~ScratchFile() { ::close(fd_); }

void ScratchFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) refuse(folder_);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

MappedFile ScratchFile::map() const { return MappedFile(fmt::format("/proc/self/fd/{}", fd_)); }

}  // namespace keel
