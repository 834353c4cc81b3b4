#include "base/fs.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "base/error.h"

namespace keel {
namespace {

[[noreturn]] void fail(const fs::path& path, const std::string& what) {
  const int code = errno;
  std::string hint;
  if (code == ENOSPC || code == EDQUOT) hint = "free space on that disk, or choose another output_dir";
  if (code == EACCES || code == EPERM || code == EROFS)
    hint = "choose a folder you may write, or change its permissions";
  if (code == ENOENT) hint = "check the path for a typo";
  throw UserError({.where = path.string(), .found = what + ": " + std::strerror(code), .hint = hint});
}

void write_all(int fd, std::span<const std::byte> bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(path, "cannot write");
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
}

void sync_folder(const fs::path& folder) {
  const int fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;  // some file systems refuse; the rename itself has already succeeded
  ::fsync(fd);
  ::close(fd);
}

fs::path part_name(const fs::path& path) {
  fs::path part = path;
  part += ".part";
  return part;
}

}  // namespace

std::string read_text(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail(path, "cannot open");
  std::string out;
  char buffer[1 << 16];
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      ::close(fd);
      fail(path, "cannot read");
    }
    if (n == 0) break;
    out.append(buffer, static_cast<size_t>(n));
  }
  ::close(fd);
  return out;
}

void write_file(const fs::path& path, std::string_view bytes) {
  PartFile file(path);
  file.write(bytes);
  file.commit();
}

PartFile::PartFile(fs::path path) : path_(std::move(path)), part_(part_name(path_)) {
  if (path_.has_parent_path()) make_folders(path_.parent_path());
  fd_ = ::open(part_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd_ < 0) fail(path_, "cannot create");
}

PartFile::~PartFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(part_.c_str());
}

void PartFile::write(std::span<const std::byte> bytes) { write_all(fd_, bytes, path_); }

void PartFile::commit() {
  if (::fsync(fd_) != 0) fail(path_, "cannot flush");
  if (::rename(part_.c_str(), path_.c_str()) != 0) fail(path_, "cannot rename");
  ::close(fd_);
  fd_ = -1;
  sync_folder(path_.parent_path());
}

PartFolder::PartFolder(fs::path path) : path_(std::move(path)), part_(part_name(path_)) {
  std::error_code ec;
  if (fs::exists(path_, ec) && !(fs::is_directory(path_, ec) && fs::is_empty(path_, ec)))
    throw UserError({.where = path_.string(),
                     .found = "already exists and is not an empty folder",
                     .wanted = "a new folder, so that nothing is overwritten",
                     .hint = "choose another name or remove it"});
  fs::remove_all(part_, ec);
  make_folders(part_);
}

PartFolder::~PartFolder() {
  std::error_code ec;
  if (!committed_) fs::remove_all(part_, ec);
}

void PartFolder::commit() {
  std::error_code ec;
  fs::remove(path_, ec);  // an empty folder of that name is replaced
  if (::rename(part_.c_str(), path_.c_str()) != 0) fail(path_, "cannot rename");
  committed_ = true;
  sync_folder(path_.parent_path());
}

MappedFile::MappedFile(const fs::path& path) : path_(path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail(path, "cannot open");
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    throw UserError({.where = path.string(), .found = "not a regular file"});
  }
  const auto size = static_cast<size_t>(info.st_size);
  void* data = size == 0 ? nullptr : ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  ::close(fd);
  if (data == MAP_FAILED) fail(path, "cannot map");
  if (data == nullptr) return;
  mapping_ = std::shared_ptr<void>(data, [size](void* p) { ::munmap(p, size); });
  bytes_ = {static_cast<const std::byte*>(data), size};
}

void MappedFile::release(size_t end) const {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t whole = std::min(end, bytes_.size()) / page * page;
  if (whole > 0) ::madvise(mapping_.get(), whole, MADV_DONTNEED);
}

AppendFile::AppendFile(const fs::path& path) : path_(path) {
  if (path.has_parent_path()) make_folders(path.parent_path());
  fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd_ < 0) fail(path, "cannot open for appending");
}

AppendFile::~AppendFile() {
  if (fd_ >= 0) ::close(fd_);
}

void AppendFile::append(std::string_view text) { write_all(fd_, std::as_bytes(std::span(text)), path_); }

void make_folders(const fs::path& path) {
  std::error_code ec;
  fs::create_directories(path, ec);
  if (ec)
    throw UserError({.where = path.string(),
                     .found = "cannot create the folder: " + ec.message(),
                     .hint = "choose a folder you may write"});
}

}  // namespace keel
