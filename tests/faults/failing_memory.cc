// libc's memory and clock as a machine answers that has no more, or whose clock is wrong. Like
// failing_disk.cc, a library in front of libc; both are one.
//
//   KEEL_MACHINE_LOG=FILE    gets how often the system was asked for memory, and how often for the time
//   KEEL_MEMORY_FAULT=N:HOW  the N-th time it refuses: "once", or "gone" (from there on each time)
//   KEEL_CLOCK=N:HOW         from the N-th look on every clock "stands", is a day "back", or a year "ahead"
//
// jemalloc 5.3 follows a null pointer when memory ends while a thread begins. Such an end is told ("the
// allocator failed"), so that it is not taken for one of the program's.
//
// The allocator takes memory in large pieces; MALLOC_CONF=retain:false,dirty_decay_ms:0 makes it ask more
// often.
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace {

struct Fault {
  long at = 0;  // 0: never
  const char* how = "";

  static Fault from(const char* variable) {
    const char* text = ::getenv(variable);
    if (text == nullptr) return {};
    char* end = nullptr;
    const long at = ::strtol(text, &end, 10);
    return {.at = at, .how = *end == ':' ? end + 1 : ""};
  }
  bool is(const char* name) const { return ::strcmp(how, name) == 0; }
};

struct Machine {
  Fault memory, clock;
  const char* log = nullptr;
  std::atomic<long> asked = 0, looks = 0;
};

Machine machine;

void tell_place(int, siginfo_t*, void* context) {
  const auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext;
#ifdef __x86_64__
  const auto at = static_cast<uintptr_t>(registers.gregs[REG_RIP]);
#else
  const auto at = static_cast<uintptr_t>(registers.pc);
#endif
  Dl_info place{};
  constexpr char kText[] = "the allocator failed\n";
  if (::dladdr(reinterpret_cast<void*>(at), &place) != 0 && ::strstr(place.dli_fname, "jemalloc") != nullptr)
    ::syscall(SYS_write, 2, kText, sizeof kText - 1);
  ::_exit(128 + SIGSEGV);
}

__attribute__((constructor)) void start() {
  machine.memory = Fault::from("KEEL_MEMORY_FAULT");
  machine.clock = Fault::from("KEEL_CLOCK");
  machine.log = ::getenv("KEEL_MACHINE_LOG");
  if (machine.memory.at == 0) return;
  struct sigaction action {};
  action.sa_sigaction = tell_place;
  action.sa_flags = SA_SIGINFO;
  ::sigaction(SIGSEGV, &action, nullptr);
}

__attribute__((destructor)) void end() {
  if (machine.log == nullptr) return;
  if (std::FILE* out = ::fopen(machine.log, "w")) {
    ::fprintf(out, "%ld %ld\n", machine.asked.load(), machine.looks.load());
    ::fclose(out);
  }
}

bool refuses() {
  const long number = ++machine.asked;
  if (machine.memory.at == 0 || number < machine.memory.at) return false;
  return number == machine.memory.at || machine.memory.is("gone");
}

void* map(void* place, size_t bytes, int rights, int flags, int file, off64_t offset) {
  if ((flags & MAP_ANONYMOUS) != 0 && refuses()) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  return reinterpret_cast<void*>(::syscall(SYS_mmap, place, bytes, rights, flags, file, offset));
}

}  // namespace

extern "C" {

void* mmap(void* place, size_t bytes, int rights, int flags, int file, off_t offset) noexcept {
  return map(place, bytes, rights, flags, file, offset);
}
void* mmap64(void* place, size_t bytes, int rights, int flags, int file, off64_t offset) noexcept {
  return map(place, bytes, rights, flags, file, offset);
}

void* sbrk(intptr_t) noexcept {  // the allocator's second way: there is none
  errno = ENOMEM;
  return reinterpret_cast<void*>(-1);
}

int clock_gettime(clockid_t clock, timespec* out) noexcept {
  const int result = static_cast<int>(::syscall(SYS_clock_gettime, clock, out));
  const Fault& fault = machine.clock;
  const long look = ++machine.looks;
  if (fault.at == 0 || look < fault.at || result != 0) return result;
  constexpr time_t kDay = 86'400;
  if (fault.is("stands")) *out = {.tv_sec = kDay, .tv_nsec = 0};
  if (fault.is("back")) out->tv_sec -= kDay;
  if (fault.is("ahead")) out->tv_sec += 365 * kDay;
  return 0;
}

}  // extern "C"
