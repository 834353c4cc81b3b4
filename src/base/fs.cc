#include "base/fs.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <new>
#include <system_error>

#include "base/error.h"

namespace keel {
namespace {

[[noreturn]] void fail(const fs::path& path, const std::string& what, std::error_code error) {
  const int code = error.value();
  std::string hint;
  if (code == ENOSPC || code == EDQUOT) hint = "free space on that disk, or choose another output_dir";
  if (code == EACCES || code == EPERM || code == EROFS)
    hint = "choose a folder you may write, or change its permissions";
  if (code == ENOENT) hint = "check the path for a typo";
  if (code == EFBIG) hint = "allow larger files (ulimit -f), or choose a disk that holds them";
  if (code == EIO) hint = "the disk, or the way to it, fails: look into the system's log";
  throw UserError({.where = path.string(), .found = what + ": " + std::strerror(code), .hint = hint});
}

[[noreturn]] void fail(const fs::path& path, const std::string& what) {
  fail(path, what, std::error_code(errno, std::system_category()));
}

[[noreturn]] void fail_moved(const fs::path& path) {
  throw UserError({.where = path.string(),
                   .found = "was moved or removed while it was being written",
                   .wanted = "a folder that nobody else changes during the run",
                   .hint = "if it was moved, --resume goes on in its new place"});
}

// Of something that this program made a moment ago: when it is not there, somebody took it.
[[noreturn]] void fail_on_own(const fs::path& path, const std::string& what) {
  if (errno == ENOENT) fail_moved(path);
  fail(path, what);
}

void write_all(int fd, std::span<const std::byte> bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(path, "cannot write");
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
}

// Whether writing goes past the system's cache from here on; false where the file system has no such thing.
bool pass_cache(int fd, bool wanted) {
  const int flags = ::fcntl(fd, F_GETFL);
  return flags >= 0 && ::fcntl(fd, F_SETFL, wanted ? flags | O_DIRECT : flags & ~O_DIRECT) == 0;
}

// Some file systems cannot flush a folder; what they can is done.
void sync_folder(const fs::path& folder) {
  const int fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 && errno == EACCES) return;
  if (fd < 0) fail_on_own(folder, "cannot open the folder");
  const int result = ::fsync(fd);
  const int code = errno;
  ::close(fd);
  errno = code;
  if (result != 0 && code != EINVAL && code != EOPNOTSUPP) fail(folder, "cannot flush the folder");
}

FileId id_of(const struct stat& info) { return {.device = info.st_dev, .inode = info.st_ino}; }

FileId id_at(const fs::path& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? id_of(info) : FileId{};
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

// Bytes that wait to be written past the cache, for which memory, place and number have to be whole blocks of
// the disk.
class PartFile::Block {
 public:
  static constexpr size_t kBytes = 4 << 20, kAlignment = 4096;

  // Takes what still fits, and returns the rest.
  std::span<const std::byte> take(std::span<const std::byte> bytes) {
    const size_t n = std::min(bytes.size(), kBytes - used_);
    std::memcpy(memory_.get() + used_, bytes.data(), n);
    used_ += n;
    return bytes.subspan(n);
  }

  bool full() const { return used_ == kBytes; }
  void clear() { used_ = 0; }
  std::span<const std::byte> bytes() const { return {memory_.get(), used_}; }

 private:
  struct Free {
    void operator()(std::byte* memory) const { ::operator delete[](memory, std::align_val_t{kAlignment}); }
  };
  std::unique_ptr<std::byte[], Free> memory_{new (std::align_val_t{kAlignment}) std::byte[kBytes]};
  size_t used_ = 0;
};

PartFile::PartFile(fs::path path, Via via) : path_(std::move(path)), part_(part_name(path_)) {
  if (path_.has_parent_path()) make_folders(path_.parent_path());
  if (via == Via::disk) block_ = std::make_unique<Block>();
  fd_ = ::open(part_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd_ < 0) fail_on_own(path_, "cannot create");
}

PartFile::~PartFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(part_.c_str());
}

void PartFile::write(std::span<const std::byte> bytes) {
  if (!block_) return write_all(fd_, bytes, path_);
  while (!bytes.empty()) {
    bytes = block_->take(bytes);
    if (block_->full()) write_block();
  }
}

void PartFile::write_block() {
  std::span<const std::byte> rest = block_->bytes();
  if (block_->full() && pass_cache(fd_, true)) {
    const ssize_t n = ::write(fd_, rest.data(), rest.size());
    if (n < 0 && errno != EINTR && errno != EINVAL) fail(path_, "cannot write");
    pass_cache(fd_, false);  // for what is left of it, and where the disk wants other blocks
    if (n > 0) rest = rest.subspan(static_cast<size_t>(n));
  }
  write_all(fd_, rest, path_);
  block_->clear();
}

void PartFile::commit() {
  if (block_) write_block();
  if (::fsync(fd_) != 0) fail(path_, "cannot flush");
  if (::rename(part_.c_str(), path_.c_str()) != 0) fail_on_own(path_, "cannot rename");
  ::close(fd_);
  fd_ = -1;
  sync_folder(path_.parent_path());
}

PartFolder::PartFolder(fs::path path, Existing existing)
    : path_(std::move(path)), part_(part_name(path_)), existing_(existing) {
  std::error_code ec;
  if (existing_ == Existing::refuse && fs::exists(path_, ec) &&
      !(fs::is_directory(path_, ec) && fs::is_empty(path_, ec)))
    throw UserError({.where = path_.string(),
                     .found = "already exists and is not an empty folder",
                     .wanted = "a new folder, so that nothing is overwritten",
                     .hint = "choose another name or remove it"});
  remove_tree(part_);
  make_folders(part_);
  made_ = id_at(part_);
}

PartFolder::~PartFolder() {
  std::error_code ec;
  if (!committed_) fs::remove_all(part_, ec);
}

void PartFolder::commit() {
  if (id_at(part_) != made_) fail_moved(part_);
  sync_folder(part_);
  std::error_code ec;
  fs::remove(path_, ec);  // an empty folder of that name is replaced
  if (existing_ == Existing::replace && fs::exists(path_, ec)) {
    replace();
  } else if (::rename(part_.c_str(), path_.c_str()) != 0) {
    fail_on_own(path_, "cannot rename");
  }
  committed_ = true;
  sync_folder(path_.parent_path());
}

void PartFolder::replace() {
  fs::path old = part_;
  if (::renameat2(AT_FDCWD, part_.c_str(), AT_FDCWD, path_.c_str(), RENAME_EXCHANGE) != 0) {
    if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP) fail_on_own(path_, "cannot exchange");
    old = path_;  // this file system has no exchange
    old += ".old.part";
    remove_tree(old);
    if (::rename(path_.c_str(), old.c_str()) != 0) fail(path_, "cannot rename");
    if (::rename(part_.c_str(), path_.c_str()) != 0) {
      const int code = errno;
      ::rename(old.c_str(), path_.c_str());
      errno = code;
      fail(path_, "cannot rename");
    }
  }
  std::error_code ec;
  fs::remove_all(old, ec);  // what stays lies under a name that the next writer clears
}

MappedFile::MappedFile(const fs::path& path) : path_(path) {
  const int fd =
      ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe does not wait for its writer
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

void MappedFile::read_ahead() const {
  if (!bytes_.empty()) ::madvise(mapping_.get(), bytes_.size(), MADV_WILLNEED);
}

void MappedFile::release(size_t begin, size_t end) const {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t from = begin / page * page, to = std::min(end, bytes_.size()) / page * page;
  if (from < to) ::madvise(static_cast<std::byte*>(mapping_.get()) + from, to - from, MADV_DONTNEED);
}

AppendFile::AppendFile(const fs::path& path) : path_(path) {
  if (path.has_parent_path()) make_folders(path.parent_path());
  fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd_ < 0) fail(path, "cannot open for appending");
}

AppendFile::~AppendFile() {
  if (fd_ >= 0) ::close(fd_);
}

int64_t AppendFile::bytes() const {
  struct stat info {};
  if (::fstat(fd_, &info) != 0) fail(path_, "cannot be looked at");
  if (id_of(info) != id_at(path_)) fail_moved(path_);
  return info.st_size;
}

void AppendFile::append(std::string_view text) {
  const int64_t before = bytes();
  try {
    write_all(fd_, std::as_bytes(std::span(text)), path_);
  } catch (...) {  // half a line is worse than none
    [[maybe_unused]] const int cut = ::ftruncate(fd_, before);
    throw;
  }
}

int64_t AppendFile::flush() const {
  if (::fsync(fd_) != 0) fail(path_, "cannot flush");
  return bytes();
}

void make_folders(const fs::path& path) {
  std::error_code ec;
  fs::create_directories(path, ec);
  if (ec) fail(path, "cannot create the folder", ec);
}

std::vector<fs::path> list_folder(const fs::path& dir) {
  std::vector<fs::path> out;
  std::error_code ec;
  for (fs::directory_iterator it(dir, ec), end; !ec && it != end; it.increment(ec)) out.push_back(it->path());
  if (ec) fail(dir, "cannot list the folder", ec);
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<fs::path> list_files(const fs::path& dir) {
  std::vector<fs::path> out;
  for (const fs::path& entry : list_folder(dir)) {
    std::error_code ec;
    if (fs::is_directory(entry, ec)) {
      std::ranges::move(list_files(entry), std::back_inserter(out));
    } else if (!ec) {
      out.push_back(entry);
    } else {
      fail(entry, "cannot be looked at", ec);
    }
  }
  return out;
}

void remove_tree(const fs::path& path) {
  std::error_code ec;
  fs::remove_all(path, ec);
  if (ec) fail(path, "cannot be removed", ec);
}

void copy_flushed(const fs::path& from, const fs::path& to) {
  const MappedFile source(from);
  PartFile copy(to);
  copy.write(source.bytes());
  copy.commit();
}

void link_or_copy(const fs::path& from, const fs::path& to) {
  std::error_code ec;
  fs::create_hard_link(from, to, ec);
  if (ec) copy_flushed(from, to);
}

void cut_file(const fs::path& path, int64_t bytes) {
  std::error_code ec;
  fs::resize_file(path, static_cast<uintmax_t>(bytes), ec);
  if (ec) fail(path, "cannot be cut", ec);
}

int64_t free_bytes(const fs::path& path) {
  std::error_code ec;
  const fs::space_info space = fs::space(path, ec);
  if (ec) fail(path, "cannot be asked for free space", ec);
  constexpr int64_t kUnknown = std::numeric_limits<int64_t>::max();  // some network file systems tell no size
  const bool known = space.capacity > 0 && space.available <= static_cast<uintmax_t>(kUnknown);
  return known ? static_cast<int64_t>(space.available) : kUnknown;
}

}  // namespace keel
