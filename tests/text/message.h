#pragma once

#include <string>

#include "base/json.h"

namespace keel::test {

inline Json message(const char* role, const std::string& content) {
  return {{"role", role}, {"content", content}};
}

}  // namespace keel::test
