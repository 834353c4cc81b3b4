// Ctrl-C, SIGTERM and SIGUSR1 (what `sbatch --signal` sends ahead of a job's end): the first asks the run to
// end after its step; a further one, a second or more later, ends the process at once (what is saved stays
// whole: saving is beside-then-rename).
#pragma once

namespace keel {

void catch_interrupts();
bool interrupted();

}  // namespace keel
