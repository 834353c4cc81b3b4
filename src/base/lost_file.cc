#include "base/lost_file.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace keel {
namespace {

// What a signal may interrupt includes the allocator, so nothing here asks for memory.
void tell(const char* text) {
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text, std::strlen(text));
}

// Whether the line of /proc/self/maps ("FROM-TO RIGHTS OFFSET DEVICE INODE   PATH") is of the mapping around
// `at`.
bool holds(const char* line, uintptr_t at) {
  char* end = nullptr;
  const uintptr_t from = std::strtoull(line, &end, 16);
  return *end == '-' && from <= at && at < std::strtoull(end + 1, nullptr, 16);
}

class Maps {
 public:
  Maps() : file_(::open("/proc/self/maps", O_RDONLY | O_CLOEXEC)) {}

  // Without its end; null: there are no more.
  const char* next_line() {
    size_t n = 0;
    for (int c = next(); c >= 0 && c != '\n'; c = next())
      if (n + 1 < sizeof line_) line_[n++] = static_cast<char>(c);
    line_[n] = '\0';
    return n == 0 ? nullptr : line_;
  }

 private:
  int next() {
    if (at_ >= got_) {
      got_ = ::read(file_, piece_, sizeof piece_);
      at_ = 0;
    }
    return at_ < got_ ? static_cast<unsigned char>(piece_[at_++]) : -1;
  }

  int file_;
  ssize_t at_ = 0, got_ = 0;
  char piece_[1024], line_[4096 + 128];
};

void end_over(int, siginfo_t* info, void*) {
  const auto at = reinterpret_cast<uintptr_t>(info->si_addr);
  Maps maps;
  const char* line = maps.next_line();
  while (line != nullptr && !holds(line, at)) line = maps.next_line();
  const char* name = line == nullptr ? nullptr : std::strchr(line, '/');
  tell("keel: ");
  tell(name == nullptr ? "a mapped file" : name);
  tell(
      ": can no longer be read: it was cut while it was used, or its disk fails\n"
      "  wanted: files that nobody changes during the run\n"
      "  try:    look whether something overwrites it, and into the system's log; "
      "a run goes on with --resume\n");
  ::_exit(2);
}

}  // namespace

void tell_of_lost_files() {
  struct sigaction action {};
  action.sa_sigaction = end_over;
  action.sa_flags = SA_SIGINFO;
  ::sigaction(SIGBUS, &action, nullptr);
}

}  // namespace keel
