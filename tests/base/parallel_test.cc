#include "base/parallel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <thread>
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

TEST(ForEachRow, DoesTheOtherWorkOnceOnTheCallingThread) {
  for (const size_t rows : {0U, 1000U}) {
    int calls = 0;
    const auto caller = std::this_thread::get_id();
    std::vector<int> done(rows, 0);
    for_each_row(
        rows, 4, [&](size_t i) { ++done[i]; },
        [&] { calls += std::this_thread::get_id() == caller ? 1 : 100; });
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(static_cast<size_t>(std::ranges::count(done, 1)), rows);
  }
  EXPECT_THROW(for_each_row(
                   1000, 4, [](size_t) {}, [] { throw std::runtime_error("meanwhile"); }),
               std::runtime_error);
}

}  // namespace
}  // namespace keel
