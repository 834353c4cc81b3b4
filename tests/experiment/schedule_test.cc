#include "experiment/schedule.h"

#include <gmock/gmock.h>

namespace keel {
namespace {

using testing::HasSubstr;

TEST(Schedule, TimeLeftIsThatOfTheGroupsFinishedRuns) {
  const ScheduledRun runs[] = {{"plain", "a", 10.0},  {"plain", "b", 20.0}, {"plain", "c"},
                               {"nlirg", "d", 100.0}, {"nlirg", "e"},       {"stm", "f"}};
  EXPECT_DOUBLE_EQ(*seconds_left(runs, "plain"), 15);
  EXPECT_DOUBLE_EQ(*seconds_left(runs, "nlirg"), 100);
  EXPECT_NEAR(*seconds_left(runs, "stm"), 130.0 / 3, 1e-12);  // no run of its own: the mean of all
  EXPECT_NEAR(*seconds_left(runs), 15 + 100 + 130.0 / 3, 1e-12);
  EXPECT_EQ(progress_text(runs), "3 of 6 runs are done, about 2 min 38 s are left");
  const std::string table = left_table(runs);
  EXPECT_THAT(table, HasSubstr("plain       3      2      1         15 s\n"));
  EXPECT_THAT(table, HasSubstr("in all      6      3      3   2 min 38 s\n"));
}

TEST(Schedule, NothingIsSaidOfTimeBeforeARunHasFinished) {
  const ScheduledRun runs[] = {{"plain", "a"}, {"nlirg", "b"}};
  EXPECT_FALSE(seconds_left(runs));
  EXPECT_EQ(progress_text(runs), "0 of 2 runs are done");
  EXPECT_THAT(left_table(runs), HasSubstr("nlirg       1      0      1           –\n"));
  const ScheduledRun done[] = {{"plain", "a", 5.0}};
  EXPECT_EQ(progress_text(done), "1 of 1 runs are done");
}

}  // namespace
}  // namespace keel
