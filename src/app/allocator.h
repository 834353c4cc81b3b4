// The program's memory allocator, which keeps freed pages for the next step (allocator.cc).
#pragma once

namespace keel {

// Freed pages to the system; the next step gets its own anew.
void give_back_unused_memory();

}  // namespace keel
