#include "base/background.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "base/error.h"
#include "support/error_of.h"

namespace keel {
namespace {

// Work that goes on until it is let go.
class Gate {
 public:
  void open() { promise_.set_value(); }
  std::function<void()> work(std::function<void()> then) {
    return [gate = opened_, then = std::move(then)] {
      gate.wait();
      then();
    };
  }

 private:
  std::promise<void> promise_;
  std::shared_future<void> opened_ = promise_.get_future().share();
};

void fail_full() { throw UserError({.where = "disk/file", .found = "no space", .hint = "free some"}); }

constexpr const char* kFull = "disk/file: no space\n  try:    free some";

TEST(Background, WorksBesideTheCallerAndOneAtATime) {
  std::vector<int> done;  // no lock: start and wait order everything
  Gate gate;
  Background background("saving");
  background.start(gate.work([&] { done.push_back(1); }));
  background.check();  // under way is no error, and not waited for
  std::jthread opener([&] { gate.open(); });
  background.start([&] { done.push_back(2); });
  background.wait();
  EXPECT_THAT(done, testing::ElementsAre(1, 2));
  background.wait();  // nothing is under way
}

TEST(Background, AnErrorIsThrownOnceWhenItIsAskedFor) {
  Background background("saving");
  background.start(fail_full);
  EXPECT_EQ(test::error_of([&] { background.wait(); }), kFull);
  background.wait();
  background.check();

  background.start(fail_full);
  std::optional<UserError> found;
  while (!found) found = test::refusal_of([&] { background.check(); });
  EXPECT_STREQ(found->what(), kFull);
  background.wait();
}

TEST(Background, NothingBeginsBehindAnError) {
  bool begun = false;
  Background background("saving");
  background.start(fail_full);
  EXPECT_EQ(test::error_of([&] { background.start([&] { begun = true; }); }), kFull);
  background.wait();
  EXPECT_FALSE(begun);
}

TEST(Background, ItsEndWaitsAndTellsAnErrorThatNobodyAskedFor) {
  bool done = false;
  testing::internal::CaptureStderr();
  {
    Background background("saving");
    background.start([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      done = true;
      fail_full();
    });
  }
  EXPECT_TRUE(done);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), std::string("warning: saving: ") + kFull + "\n");
}

}  // namespace
}  // namespace keel
