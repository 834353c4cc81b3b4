// Memory that the process may still take.
#pragma once

#include <cstdint>

namespace keel {

// Bytes, the least of what the machine and the container have left; very large where neither says. Pages of
// files, which are given up for it, count as free.
int64_t free_memory();

}  // namespace keel
