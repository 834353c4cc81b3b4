// Files. Whatever the system refuses becomes a UserError with its reason. Writing is beside-then-rename, so a
// reader never sees half a file and a full disk leaves the old one in place. All that a run writes goes
// through here; tests/faults.sh lets each of its calls fail once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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
  enum class Via {
    cache,  // of the system, where the next reader finds it
    disk,   // past the cache, for large files that nobody reads soon: a tenth to a half of the computing
            // time. What the file system cannot write so goes through the cache.
  };
  explicit PartFile(fs::path path, Via via = Via::cache);
  ~PartFile();
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  void commit();

 private:
  class Block;
  void write_block();

  fs::path path_, part_;
  int fd_ = -1;
  std::unique_ptr<Block> block_;  // null: via the cache
};

// Which file or folder it is, whatever its name; {0, 0} of none.
struct FileId {
  uint64_t device = 0, inode = 0;
  bool operator==(const FileId&) const = default;
};

// A folder being made beside its final name: fill dir(), then commit(). An uncommitted one is removed, so an
// error half way leaves nothing behind.
class PartFolder {
 public:
  enum class Existing {
    refuse,   // a target that exists and is not empty
    replace,  // exchanged for the new one in one step, so that at no time there is neither
  };
  explicit PartFolder(fs::path path, Existing existing = Existing::refuse);
  ~PartFolder();
  PartFolder(const PartFolder&) = delete;
  PartFolder& operator=(const PartFolder&) = delete;
  const fs::path& dir() const { return part_; }
  void commit();  // UserError also when somebody removed dir() meanwhile

 private:
  void replace();

  fs::path path_, part_;
  Existing existing_;
  FileId made_;  // dir() as it was made
  bool committed_ = false;
};

// A whole file mapped read-only; bytes() lives as long as the object (copies share the mapping).
class MappedFile {
 public:
  explicit MappedFile(const fs::path& path);
  std::span<const std::byte> bytes() const { return bytes_; }
  const fs::path& path() const { return path_; }

  // All of it is needed soon: it is read in large pieces beside the caller, several times as fast as page by
  // page.
  void read_ahead() const;

  // Bytes [begin, end) are not needed soon: they no longer count as memory of this process, and are read
  // again where they are used again.
  void release(size_t begin, size_t end) const;

 private:
  fs::path path_;
  std::shared_ptr<void> mapping_;
  std::span<const std::byte> bytes_;
};

// Appends text to a file that stays open. For metrics.jsonl and the like: an append that fails leaves none of
// its text, and a file that was moved or removed meanwhile is an error.
class AppendFile {
 public:
  explicit AppendFile(const fs::path& path);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;
  void append(std::string_view text);
  int64_t flush() const;  // to the disk, so that a power cut does not take it; the bytes of the file

 private:
  int64_t bytes() const;

  fs::path path_;
  int fd_ = -1;
};

void make_folders(const fs::path& path);
std::vector<fs::path> list_folder(const fs::path& dir);  // its entries, sorted
std::vector<fs::path> list_files(const fs::path& dir);   // the files in it and below, sorted
void remove_tree(const fs::path& path);                  // a file, or a folder with all in it; none is fine
void copy_flushed(const fs::path& from, const fs::path& to);
void link_or_copy(const fs::path& from, const fs::path& to);  // a hard link where the file system has them
void cut_file(const fs::path& path, int64_t bytes);           // what lies behind is dropped
int64_t free_bytes(const fs::path& path);                     // on its disk, for this user

}  // namespace keel
