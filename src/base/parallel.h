// Independent work on rows, spread over threads; the result does not depend on how many there are.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace keel {

// Calls work(i) for each i below n, on `threads` threads (0: one a core). When calls throw, the exception of
// the least i is thrown again, after all threads have ended.
void for_each_row(size_t n, size_t threads, const std::function<void(size_t)>& work);

// The same, begun on all threads but the caller's, which may do something else before it joins in.
class RowsUnderWay {
 public:
  RowsUnderWay(size_t n, size_t threads, std::function<void(size_t)> work);
  ~RowsUnderWay();  // without finish(): rows that are not begun are left out, exceptions forgotten
  RowsUnderWay(RowsUnderWay&&) = delete;

  void finish();

 private:
  class Pool;
  std::unique_ptr<Pool> pool_;
  std::vector<std::jthread> helpers_;
};

}  // namespace keel
