#include "app/allocator.h"

#include <cstddef>

// jemalloc's settings, read by it at start. A training step frees and takes the same buffers again, and a
// page handed back to the system costs more to get anew than most kernels spend on it: so pages are kept, in
// one arena for all threads, in which large buffers (oversize_threshold) and parts of larger ones
// (lg_extent_max_active_fit) are used again too. Without the latter two packed batches of changing length
// pile up pages of every size they ever had.
extern "C" const char* malloc_conf;
const char* malloc_conf =
    "background_thread:false,dirty_decay_ms:-1,muzzy_decay_ms:-1,oversize_threshold:0,narenas:1,"
    "lg_extent_max_active_fit:12,thp:always,metadata_thp:auto";

// jemalloc's control; a build without it has none.
extern "C" int mallctl(const char*, void*, size_t*, void*, size_t) __attribute__((weak));

namespace keel {

void give_back_unused_memory() {
  if (mallctl) mallctl("arena.4096.purge", nullptr, nullptr, nullptr, 0);  // 4096: all arenas
}

}  // namespace keel
