#include "base/parallel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

namespace keel {
namespace {

TEST(ForEachRow, ThrowsTheFirstFailure) {
  for (const size_t threads : {1U, 4U}) {
    std::vector<int> done(1000, 0);
    for_each_row(1000, threads, [&](size_t i) { ++done[i]; });
    EXPECT_EQ(std::ranges::count(done, 1), 1000);
    try {
      for_each_row(1000, threads, [](size_t i) {
        if (i % 300 == 299) throw std::runtime_error(std::to_string(i));
      });
      FAIL();
    } catch (const std::runtime_error& e) {
      EXPECT_STREQ(e.what(), "299");
    }
  }
}

}  // namespace
}  // namespace keel
