// Independent work on rows, spread over threads; the result does not depend on how many there are.
#pragma once

#include <cstddef>
#include <functional>

namespace keel {

// Calls work(i) for each i below n, on `threads` threads (0: one a core). When calls throw, the exception of
// the least i is thrown again, after all threads have ended. `meanwhile`, if given, is called once, by the
// calling thread before it joins in; what it throws is thrown again likewise.
void for_each_row(size_t n, size_t threads, const std::function<void(size_t)>& work,
                  const std::function<void()>& meanwhile = {});

}  // namespace keel
