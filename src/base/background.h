// Work beside the caller's own: one piece at a time, on a thread of its own. An error of it is thrown to the
// caller, whenever that next asks.
#pragma once

#include <functional>
#include <future>
#include <string>

namespace keel {

class Background {
 public:
  explicit Background(std::string name) : name_(std::move(name)) {}
  ~Background();  // waits; an error that was never asked for is told as a warning under the name
  Background(Background&&) = delete;

  // As soon as what is under way has ended; when that failed, its error is thrown and nothing begins.
  void start(std::function<void()> work);
  void wait();   // until nothing is under way; throws what the work threw, once
  void check();  // the same of work that has ended; never waits

 private:
  std::string name_;
  std::future<void> under_way_;
};

}  // namespace keel
