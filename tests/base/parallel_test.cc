#include "base/parallel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
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

TEST(RowsUnderWay, AreWorkedOnWhileTheCallerDoesSomethingElse) {
  std::atomic<int> done{0};
  RowsUnderWay rows(1000, 2, [&](size_t) { ++done; });
  while (done < 1000) std::this_thread::yield();  // the other thread alone gets there
  rows.finish();
  EXPECT_EQ(done, 1000);
}

TEST(RowsUnderWay, AreWorkedOnByTheCallerWhereThereIsNoOtherThread) {
  std::vector<int> done(1000, 0);
  RowsUnderWay rows(1000, 1, [&](size_t i) { ++done[i]; });
  EXPECT_EQ(std::ranges::count(done, 0), 1000);
  rows.finish();
  EXPECT_EQ(std::ranges::count(done, 1), 1000);
}

TEST(RowsUnderWay, MayBeLeft) {
  std::vector<int> done(1000, 0);
  {
    RowsUnderWay rows(1000, 1, [&](size_t i) { ++done[i]; });
  }
  EXPECT_EQ(std::ranges::count(done, 0), 1000);
}

}  // namespace
}  // namespace keel
