// libc's file calls as a disk answers them that fails once. A library to be preloaded into the real program,
// so that the program holds nothing of it and no call can go past it; x86-64 or AArch64 Linux with glibc.
//
//   KEEL_DISK=FOLDER       the disk: only calls about what lies in it are counted, from 1; those of the
//                          program's first thread ("main") and of the others ("beside") by themselves, so
//                          that a number means the same call in every run
//   KEEL_DISK_LOG=FILE     gets a line "THREAD CALL PATH" of each
//   KEEL_DISK_FAULT=THREAD:N:HOW
//                          how the N-th of the thread fails: the number of an error ("28": once), "short"
//                          (half is written), "full" (half is written, and from there on nothing more fits),
//                          "dead" (from there on every call fails)
//   KEEL_DISK_FREE=BYTES   what statvfs tells
//   KEEL_DISK_SLOW=MS      how long each call takes
//
// Nothing here allocates: the allocator itself opens files before this library is ready.
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace {

struct Disk {
  const char* folder = nullptr;
  const char* free = nullptr;
  long slow_ms = 0;
  int log = -1;
  bool fault_beside = false;
  long fault_at = 0;
  const char* how = "";
  std::atomic<long> calls = 0, calls_beside = 0;
  std::atomic<bool> full = false, dead = false;
};

Disk disk;

__attribute__((constructor)) void start() {
  disk.free = ::getenv("KEEL_DISK_FREE");
  if (const char* slow = ::getenv("KEEL_DISK_SLOW")) disk.slow_ms = ::atol(slow);
  if (const char* fault = ::getenv("KEEL_DISK_FAULT")) {
    const char* number = ::strchr(fault, ':');
    char* end = nullptr;
    disk.fault_beside = fault[0] == 'b';
    disk.fault_at = ::strtol(number == nullptr ? fault : number + 1, &end, 10);
    disk.how = *end == ':' ? end + 1 : "";
  }
  if (const char* log = ::getenv("KEEL_DISK_LOG"))
    disk.log = static_cast<int>(
        ::syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  disk.folder = ::getenv("KEEL_DISK");
}

// A name in full; of an open file when `name` is empty.
struct Place {
  char text[2 * PATH_MAX] = "";

  Place(int folder, const char* name) {
    if (name[0] == '/') {
      ::snprintf(text, sizeof text, "%s", name);
      return;
    }
    char link[64] = "/proc/self/cwd";
    if (folder != AT_FDCWD) ::snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    const long n = ::syscall(SYS_readlinkat, AT_FDCWD, link, text, static_cast<size_t>(PATH_MAX));
    const size_t length = n > 0 ? static_cast<size_t>(n) : 0;
    ::snprintf(text + length, sizeof text - length, "%s%s", name[0] == '\0' ? "" : "/", name);
  }

  bool on_disk() const {
    const size_t n = ::strlen(disk.folder);
    return ::strncmp(text, disk.folder, n) == 0 && (text[n] == '/' || text[n] == '\0');
  }
};

bool is_beside() { return ::syscall(SYS_gettid) != ::syscall(SYS_getpid); }

void log(const char* call, const char* path) {
  char line[2 * PATH_MAX + 32];
  const int n = ::snprintf(line, sizeof line, "%s %s %s\n", is_beside() ? "beside" : "main", call, path);
  if (disk.log >= 0) ::syscall(SYS_write, disk.log, line, static_cast<size_t>(n));
}

enum class Verdict { goes_on, half, fails };  // fails: errno is set

Verdict fails_with(int error) {
  errno = error;
  return Verdict::fails;
}

// takes_room: whether it asks a full disk for more.
Verdict judge(const char* call, int folder, const char* name, bool takes_room) {
  if (disk.folder == nullptr) return Verdict::goes_on;
  const int before = errno;
  const Place place(folder, name);
  if (!place.on_disk()) {
    errno = before;
    return Verdict::goes_on;
  }
  log(call, place.text);
  if (disk.slow_ms > 0) ::usleep(static_cast<useconds_t>(disk.slow_ms) * 1000);
  errno = before;
  const long number = is_beside() ? ++disk.calls_beside : ++disk.calls;
  const bool now = is_beside() == disk.fault_beside && number == disk.fault_at;
  if (disk.dead) return fails_with(EIO);
  if (disk.full) return takes_room ? fails_with(ENOSPC) : Verdict::goes_on;
  if (!now) return Verdict::goes_on;
  if (::strcmp(disk.how, "short") == 0) return Verdict::half;
  if (::strcmp(disk.how, "full") == 0) {
    disk.full = true;
    return Verdict::half;
  }
  if (::strcmp(disk.how, "dead") == 0) {
    disk.dead = true;
    return fails_with(EIO);
  }
  return fails_with(::atoi(disk.how));
}

bool allowed(const char* call, int folder, const char* name, bool takes_room = false) {
  const Verdict v = judge(call, folder, name, takes_room);
  if (v == Verdict::half && takes_room) errno = ENOSPC;  // what cannot be done by halves
  return v == Verdict::goes_on || (v == Verdict::half && !takes_room);
}

// How many of n bytes may be written; -1: none, errno is set.
ssize_t allowed_bytes(int file, size_t n) {
  const Verdict v = judge("write", file, "", true);
  if (v == Verdict::fails) return -1;
  return static_cast<ssize_t>(v == Verdict::half ? (n + 1) / 2 : n);
}

int open_file(int folder, const char* name, int flags, mode_t mode) {
  const bool writes = (flags & (O_WRONLY | O_RDWR | O_CREAT)) != 0;
  if (!allowed(writes ? "create" : "open", folder, name, (flags & O_CREAT) != 0)) return -1;
  return static_cast<int>(::syscall(SYS_openat, folder, name, flags, mode));
}

int remove_entry(int folder, const char* name, int flags) {
  return allowed("remove", folder, name) ? static_cast<int>(::syscall(SYS_unlinkat, folder, name, flags))
                                         : -1;
}

template <class Size>
int cut(const char* name, Size size) {
  return allowed("truncate", AT_FDCWD, name) ? static_cast<int>(::syscall(SYS_truncate, name, size)) : -1;
}

template <class Size>
int cut(int file, Size size) {
  return allowed("truncate", file, "") ? static_cast<int>(::syscall(SYS_ftruncate, file, size)) : -1;
}

template <class Info>
int told_space(const char* symbol, const char* name, Info* info) {
  const auto real = reinterpret_cast<int (*)(const char*, Info*)>(::dlsym(RTLD_NEXT, symbol));
  const int result = real(name, info);
  if (result == 0 && disk.free != nullptr)
    info->f_bavail = static_cast<fsblkcnt_t>(::atoll(disk.free)) / info->f_frsize;
  return result;
}

mode_t mode_of(int flags, va_list args) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? static_cast<mode_t>(va_arg(args, int)) : 0;
}

}  // namespace

#define KEEL_OPEN(name, folder, ...)             \
  int name(__VA_ARGS__, int flags, ...) {        \
    va_list args;                                \
    va_start(args, flags);                       \
    const mode_t mode = mode_of(flags, args);    \
    va_end(args);                                \
    return open_file(folder, path, flags, mode); \
  }

extern "C" {

KEEL_OPEN(open, AT_FDCWD, const char* path)
KEEL_OPEN(open64, AT_FDCWD, const char* path)
KEEL_OPEN(openat, dir, int dir, const char* path)
KEEL_OPEN(openat64, dir, int dir, const char* path)

ssize_t write(int file, const void* bytes, size_t n) {
  const ssize_t m = allowed_bytes(file, n);
  return m < 0 ? m : ::syscall(SYS_write, file, bytes, static_cast<size_t>(m));
}

ssize_t writev(int file, const iovec* parts, int count) {
  return allowed_bytes(file, 0) < 0 ? -1 : ::syscall(SYS_writev, file, parts, count);
}

ssize_t sendfile(int to, int from, off_t* offset, size_t n) noexcept {
  const ssize_t m = allowed_bytes(to, n);
  return m < 0 ? m : ::syscall(SYS_sendfile, to, from, offset, static_cast<size_t>(m));
}

int fsync(int file) {
  return allowed("flush", file, "", true) ? static_cast<int>(::syscall(SYS_fsync, file)) : -1;
}

int rename(const char* from, const char* to) noexcept {
  if (!allowed("rename", AT_FDCWD, to)) return -1;
  return static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

int renameat2(int from_dir, const char* from, int to_dir, const char* to, unsigned flags) noexcept {
  if (!allowed("rename", to_dir, to)) return -1;
  return static_cast<int>(::syscall(SYS_renameat2, from_dir, from, to_dir, to, flags));
}

int link(const char* from, const char* to) noexcept {
  if (!allowed("link", AT_FDCWD, to, true)) return -1;
  return static_cast<int>(::syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0));
}

int unlink(const char* name) noexcept { return remove_entry(AT_FDCWD, name, 0); }
int rmdir(const char* name) noexcept { return remove_entry(AT_FDCWD, name, AT_REMOVEDIR); }
int unlinkat(int dir, const char* name, int flags) noexcept { return remove_entry(dir, name, flags); }

int remove(const char* name) noexcept {
  struct stat info {};
  const bool folder = ::lstat(name, &info) == 0 && S_ISDIR(info.st_mode);
  return remove_entry(AT_FDCWD, name, folder ? AT_REMOVEDIR : 0);
}

int mkdir(const char* name, mode_t mode) noexcept {
  if (!allowed("mkdir", AT_FDCWD, name, true)) return -1;
  return static_cast<int>(::syscall(SYS_mkdirat, AT_FDCWD, name, mode));
}

int truncate(const char* name, off_t size) noexcept { return cut(name, size); }
int truncate64(const char* name, off64_t size) noexcept { return cut(name, size); }
int ftruncate(int file, off_t size) noexcept { return cut(file, size); }
int ftruncate64(int file, off64_t size) noexcept { return cut(file, size); }

int statvfs(const char* name, struct statvfs* info) noexcept { return told_space("statvfs", name, info); }
int statvfs64(const char* name, struct statvfs64* info) noexcept {
  return told_space("statvfs64", name, info);
}

}  // extern "C"
