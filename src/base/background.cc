#include "base/background.h"

#include <chrono>
#include <exception>

#include "base/log.h"

namespace keel {

Background::~Background() {
  try {
    wait();
  } catch (const std::exception& e) {
    warn("{}: {}", name_, e.what());
  }
}

void Background::start(std::function<void()> work) {
  wait();
  under_way_ = std::async(std::launch::async, std::move(work));
}

void Background::wait() {
  if (under_way_.valid()) under_way_.get();
}

void Background::check() {
  if (under_way_.valid() && under_way_.wait_for(std::chrono::seconds(0)) == std::future_status::ready)
    under_way_.get();
}

}  // namespace keel
