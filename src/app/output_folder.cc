#include "app/output_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/fs.h"

namespace keel {
namespace {

constexpr const char* kLock = ".lock";

bool counts(const fs::path& file) { return file.filename() != kLock && file.filename() != "rejected.jsonl"; }

std::vector<fs::path> content_of(const fs::path& dir) {
  std::vector<fs::path> out;
  std::ranges::copy_if(list_folder(dir), std::back_inserter(out),
                       [](const fs::path& file) { return file.filename() != kLock; });
  return out;
}

// What a killed run was writing.
void remove_halves(const fs::path& dir) {
  if (!fs::exists(dir)) return;
  for (const fs::path& file : list_folder(dir))
    if (file.extension() == ".part") remove_tree(file);
}

void check_replaceable(const fs::path& dir, bool overwrite) {
  bool full = false;
  for (const fs::path& file : content_of(dir)) full |= counts(file);
  if (!full) return;
  if (!overwrite)
    throw UserError(
        {.where = "output_dir",
         .found = dir.string() + " is not empty",
         .wanted = "a new folder, so that no earlier run is lost",
         .hint = "choose another name, go on with that run (--resume), or set overwrite_output_dir: true"});
  if (!fs::exists(dir / "config.yaml") && !fs::exists(dir / "plan.yaml"))
    throw UserError({.where = "output_dir",
                     .found = dir.string() + " is not empty and was not made by keel",
                     .hint = "choose another folder; keel replaces only its own runs"});
}

}  // namespace

OutputFolder::OutputFolder(fs::path dir, Use use) : dir_(std::move(dir)) {
  make_folders(dir_);
  lock();
  try {
    if (use == Use::resume) {
      remove_halves(dir_);
      remove_halves(dir_ / "checkpoints");
    } else {
      check_replaceable(dir_, use == Use::overwrite);
      empty_output_folder(dir_);
    }
  } catch (...) {
    ::close(lock_);
    throw;
  }
}

OutputFolder::~OutputFolder() {
  std::error_code ec;
  fs::remove(dir_ / kLock, ec);
  fs::remove(dir_, ec);  // only when it is empty
  ::close(lock_);
}

// The kernel lets go of the lock when the process ends, however it ends; the number inside is for the message
// only.
void OutputFolder::lock() {
  const fs::path path = dir_ / kLock;
  lock_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock_ < 0)
    throw UserError({.where = path.string(),
                     .found = fmt::format("cannot create: {}", std::strerror(errno)),
                     .hint = "choose a folder you may write, on a disk with room"});
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    std::array<char, 32> holder{};
    [[maybe_unused]] const auto n = ::read(lock_, holder.data(), holder.size() - 1);
    ::close(lock_);
    throw UserError({.where = "output_dir",
                     .found = fmt::format("{} is being written by process {}", dir_.string(), holder.data()),
                     .wanted = "a folder that no other run uses",
                     .hint = "wait for it, stop it, or choose another name"});
  }
  const std::string own = std::to_string(::getpid());
  [[maybe_unused]] const int cut = ::ftruncate(lock_, 0);
  [[maybe_unused]] const auto n = ::write(lock_, own.data(), own.size());
}

void empty_output_folder(const fs::path& dir) {
  for (const fs::path& file : content_of(dir)) remove_tree(file);
}

}  // namespace keel
