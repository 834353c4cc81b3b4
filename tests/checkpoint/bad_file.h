// Files that are refused, each with the text of its error.
#pragma once

#include <gtest/gtest.h>

#include <string>

namespace keel::test {

struct BadFile {
  const char* name;
  std::string bytes;
  std::string error;
};

inline std::string name_of(const testing::TestParamInfo<BadFile>& info) { return info.param.name; }

}  // namespace keel::test
