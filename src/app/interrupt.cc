#include "app/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>

namespace keel {
namespace {

std::atomic<bool> asked = false;  // a signal handler can reach nothing but a global

void on_signal(int) {
  if (asked.exchange(true)) _exit(130);
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

bool interrupted() { return asked; }

}  // namespace keel
