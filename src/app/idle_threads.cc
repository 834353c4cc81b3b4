#include "app/idle_threads.h"

#include <unistd.h>

#include <cstdlib>

namespace keel {

void keep_idle_threads_quiet(char** argv) {
  if (std::getenv("GOMP_SPINCOUNT") != nullptr || std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  ::setenv("GOMP_SPINCOUNT", "1000", 1);
  ::execv("/proc/self/exe",
          argv);  // returns only on failure: then the runtime spins, and all else is the same
}

}  // namespace keel
