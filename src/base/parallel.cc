#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>

namespace keel {
namespace {

constexpr size_t kBlock = 32;  // rows handed to a thread at once

}  // namespace

class RowsUnderWay::Pool {
 public:
  Pool(size_t n, std::function<void(size_t)> work) : n_(n), failed_(n), work_(std::move(work)) {}

  // Blocks are handed out in order, so every row before a failed one is worked on.
  void run() {
    for (size_t begin = next_.fetch_add(kBlock); begin < n_; begin = next_.fetch_add(kBlock)) {
      for (size_t i = begin; i < std::min(n_, begin + kBlock); ++i) {
        try {
          work_(i);
        } catch (...) {
          fail(i, std::current_exception());
          return;
        }
      }
    }
  }

  void begin_no_more() { next_ = n_; }

  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  void fail(size_t i, std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    begin_no_more();
    if (i >= failed_) return;
    failed_ = i;
    error_ = std::move(error);
  }

  size_t n_, failed_;
  std::function<void(size_t)> work_;
  std::atomic<size_t> next_{0};
  std::mutex mutex_;
  std::exception_ptr error_;
};

RowsUnderWay::RowsUnderWay(size_t n, size_t threads, std::function<void(size_t)> work)
    : pool_(std::make_unique<Pool>(n, std::move(work))) {
  if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
  threads = std::min(threads, (n + kBlock - 1) / kBlock);
  for (size_t i = 1; i < threads; ++i) helpers_.emplace_back([pool = pool_.get()] { pool->run(); });
}

RowsUnderWay::~RowsUnderWay() {
  pool_->begin_no_more();
  helpers_.clear();
}

void RowsUnderWay::finish() {
  pool_->run();
  helpers_.clear();
  pool_->rethrow();
}

void for_each_row(size_t n, size_t threads, const std::function<void(size_t)>& work) {
  RowsUnderWay(n, threads, work).finish();
}

}  // namespace keel
