// Files. Reading gives a UserError with the reason of the system; writing is beside-then-rename, so a reader
// never sees half a file and a full disk leaves the old one in place.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace keel {

namespace fs = std::filesystem;

std::string read_text(const fs::path& path);

// Writes to path.part, flushes to disk, renames. Throws UserError (no space, no permission) and removes the
// part.
void write_file(const fs::path& path, std::string_view bytes);

// A file being written beside its final name; becomes visible with commit(), vanishes when destroyed
// uncommitted.
class PartFile {
 public:
  explicit PartFile(fs::path path);
  ~PartFile();
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  void commit();

 private:
  fs::path path_, part_;
  int fd_ = -1;
};

// A folder being made beside its final name: fill dir(), then commit(). An uncommitted one is removed, so an
// error half way leaves nothing behind. Refuses a target that exists and is not empty.
class PartFolder {
 public:
  explicit PartFolder(fs::path path);
  ~PartFolder();
  PartFolder(const PartFolder&) = delete;
  PartFolder& operator=(const PartFolder&) = delete;
  const fs::path& dir() const { return part_; }
  void commit();

 private:
  fs::path path_, part_;
  bool committed_ = false;
};

// A whole file mapped read-only; bytes() lives as long as the object (copies share the mapping).
class MappedFile {
 public:
  explicit MappedFile(const fs::path& path);
  std::span<const std::byte> bytes() const { return bytes_; }
  const fs::path& path() const { return path_; }

  // The bytes before `end` are not needed soon: they no longer count as memory of this process, and are read
  // again where they are used again.
  void release(size_t end) const;

 private:
  fs::path path_;
  std::shared_ptr<void> mapping_;
  std::span<const std::byte> bytes_;
};

// Appends text to a file that stays open; each append is flushed. For metrics.jsonl and the like.
class AppendFile {
 public:
  explicit AppendFile(const fs::path& path);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;
  void append(std::string_view text);

 private:
  fs::path path_;
  int fd_ = -1;
};

void make_folders(const fs::path& path);

}  // namespace keel
