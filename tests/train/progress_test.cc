#include "train/progress.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "base/fs.h"
#include "base/json.h"
#include "support/paths.h"

namespace keel {
namespace {

using namespace std::chrono_literals;

TEST(Progress, TheTimeLeftCountsOnlyPausesThatComeAgain) {
  const test::TempDir dir;
  Progress progress(dir.path(), 1, "");
  const StepOutcome outcome{.loss = 1, .nll_N = at::ones({2})};
  const auto time_left = [&](int64_t step) {
    progress.on_step({.step = step, .total_steps = 10}, outcome, {});
    const std::string lines = read_text(dir.path() / "metrics.jsonl");
    const size_t begin = lines.rfind('\n', lines.size() - 2) + 1;  // npos + 1 is 0
    return Json::parse(lines.substr(begin))["eta_s"].get<double>();
  };
  const auto evaluation = [&] {
    std::this_thread::sleep_for(1s);
    progress.pause(1);
  };
  evaluation();
  EXPECT_LT(time_left(1), 9 * 1.0);  // the one before the first step does not come again
  evaluation();
  EXPECT_GE(time_left(2), 8 * 0.5);  // others do
}

}  // namespace
}  // namespace keel
