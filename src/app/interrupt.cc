#include "app/interrupt.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace keel {
namespace {

// One press may arrive twice: `timeout`, job schedulers and shells signal the process and its group.
constexpr int64_t kSamePress = 1'000'000'000;  // ns

std::atomic<int64_t> asked_at = 0;  // ns of the monotonic clock; a signal handler can reach only a global

int64_t now() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec + 1;
}

void on_signal(int) {
  int64_t first = 0;
  if (!asked_at.compare_exchange_strong(first, now())) {
    if (now() - first > kSamePress) _exit(130);
    return;
  }
  constexpr char kText[] = "\nstopping after this step and saving (again: stop at once)\n";
  [[maybe_unused]] const auto n = ::write(STDERR_FILENO, kText, sizeof kText - 1);
}

}  // namespace

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGUSR1, &action, nullptr);
}

bool interrupted() { return asked_at != 0; }

}  // namespace keel
