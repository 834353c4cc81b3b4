// Mapped files that can no longer be read, because somebody cut them or their disk fails: the system tells by
// a signal (SIGBUS) in the middle of whatever reads.
#pragma once

namespace keel {

// From here on such a signal ends the process with exit code 2 and a text that names the file.
void tell_of_lost_files();

}  // namespace keel
