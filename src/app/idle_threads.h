// How the tensor library's threads wait for each other.
#pragma once

namespace keel {

// OpenMP's runtime spins for milliseconds at the end of each parallel region. Beside any other busy process
// that costs more than the work itself (generation on two shared cores: four times slower), so the wait is
// made short. The runtime reads its environment once, when it is loaded; so the program starts itself again
// with the variable set. Left alone when the user has set GOMP_SPINCOUNT or OMP_WAIT_POLICY.
void keep_idle_threads_quiet(char** argv);

}  // namespace keel
