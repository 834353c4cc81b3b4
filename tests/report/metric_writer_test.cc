#include "report/metric_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/fs.h"
#include "report/event_reader.h"
#include "support/paths.h"

namespace keel {
namespace {

using test::Event;
using test::TempDir;

TEST(MetricWriter, OneLineARowInOrderOfKeys) {
  TempDir dir;
  MetricWriter writer(dir.path());
  writer.write({{"step", 1}, {"loss", 0.5}, {"note", "港口"}});
  EXPECT_EQ(read_text(dir / "metrics.jsonl"),
            "{\"step\":1,\"loss\":0.5,\"note\":\"港口\"}\n");  // seen at once
  writer.write({{"step", 2}, {"zone_tokens", {0.75, 0.25}}});
  EXPECT_EQ(read_text(dir / "metrics.jsonl"),
            "{\"step\":1,\"loss\":0.5,\"note\":\"港口\"}\n{\"step\":2,\"zone_tokens\":[0.75,0.25]}\n");
}

TEST(MetricWriter, NonFiniteNumbersAreNamedInJsonAndLeftOutOfEvents) {
  TempDir dir;
  const double inf = std::numeric_limits<double>::infinity();
  MetricWriter(dir.path())
      .write({{"step", 3}, {"a", NAN}, {"b", {{"c", inf}, {"d", 1.5}}}, {"e", {-inf, 2.0}}});
  EXPECT_EQ(read_text(dir / "metrics.jsonl"),
            "{\"step\":3,\"a\":\"NaN\",\"b\":{\"c\":\"Infinity\",\"d\":1.5},\"e\":[\"-Infinity\",2.0]}\n");
  EXPECT_THAT(test::read_events(dir / "tensorboard").back().scalars,
              testing::ElementsAre(testing::Pair("b/d", 1.5f), testing::Pair("e/1", 2.0f)));
}

TEST(MetricWriter, NumbersTooLargeForAFloatAreNoScalars) {
  TempDir dir;
  MetricWriter(dir.path()).write({{"step", 0}, {"huge", 1e300}, {"small", 2}});
  EXPECT_THAT(test::read_events(dir / "tensorboard").back().scalars,
              testing::ElementsAre(testing::Pair("small", 2.0f)));
}

TEST(MetricWriter, NestedNamesAndSteps) {
  TempDir dir;
  MetricWriter writer(dir.path());
  writer.write(
      {{"step", 300}, {"loss", 0.25}, {"flag", true}, {"text", "x"}, {"zone", {1, 2}}, {"m", {{"k", 7}}}});
  const std::vector<Event> events = test::read_events(dir / "tensorboard");
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].file_version, "brain.Event:2");
  EXPECT_EQ(events[1].step, 300);
  EXPECT_GT(events[1].wall_s, 1.6e9);
  EXPECT_THAT(events[1].scalars,
              testing::ElementsAre(testing::Pair("loss", 0.25f), testing::Pair("zone/0", 1.0f),
                                   testing::Pair("zone/1", 2.0f), testing::Pair("m/k", 7.0f)));
}

TEST(MetricWriter, HistogramKeepsCountsAndMoments) {
  TempDir dir;
  const std::vector<float> values{-1, 0, 0.5f, 2, 2, 100, NAN};
  MetricWriter(dir.path()).histogram(9, "token_loss", values);
  const Event event = test::read_events(dir / "tensorboard").back();
  EXPECT_EQ(event.step, 9);
  EXPECT_EQ(event.histogram_tag, "token_loss");
  EXPECT_EQ(event.histogram.count, 6);  // NaN is no value
  EXPECT_EQ(event.histogram.min, -1);
  EXPECT_EQ(event.histogram.max, 100);
  EXPECT_EQ(event.histogram.sum, 103.5);
  EXPECT_EQ(event.histogram.sum_squares, 1 + 0.25 + 4 + 4 + 10000);
  EXPECT_EQ(event.histogram.limits.size(), event.histogram.counts.size());
  double in_buckets = 0;
  for (const double count : event.histogram.counts) in_buckets += count;
  EXPECT_EQ(in_buckets, 6);
}

TEST(MetricWriter, HistogramBucketsHoldTheirValues) {
  const std::vector<float> values{0, 3, 3, 1e30f};
  const Histogram h = make_histogram(values);
  EXPECT_TRUE(std::ranges::is_sorted(h.limits));
  for (size_t i = 1; i < h.counts.size(); ++i) {
    const auto inside = [&](float v) { return v > h.limits[i - 1] && v <= h.limits[i]; };
    EXPECT_EQ(h.counts[i], std::ranges::count_if(values, inside)) << "bucket " << i;
  }
}

TEST(MetricWriter, EmptyHistogramWritesNothing) {
  TempDir dir;
  const std::vector<float> values{NAN};
  MetricWriter(dir.path()).histogram(1, "x", values);
  EXPECT_EQ(test::read_events(dir / "tensorboard").size(), 1u);  // the version alone
}

TEST(MetricWriter, AppendsAfterAKilledRunOnALineOfItsOwn) {
  TempDir dir;
  write_file(dir / "metrics.jsonl", "{\"step\":1}\n{\"step\":2, \"lo");
  MetricWriter(dir.path()).write({{"step", 2}});
  MetricWriter(dir.path()).write({{"step", 3}});
  EXPECT_EQ(read_text(dir / "metrics.jsonl"),
            "{\"step\":1}\n{\"step\":2, \"lo\n{\"step\":2}\n{\"step\":3}\n");
  const auto files = std::distance(fs::directory_iterator(dir / "tensorboard"), fs::directory_iterator{});
  EXPECT_EQ(files, 2);  // each start has an event file of its own, even within one second
}

TEST(MetricWriter, RowWithoutStepIsABug) {
  TempDir dir;
  MetricWriter writer(dir.path());
  EXPECT_THROW(writer.write({{"loss", 1.0}}), BugError);
  EXPECT_THROW(writer.write({{"step", 1.5}}), BugError);
}

TEST(MetricWriter, FolderThatCannotBeMadeIsTheUsersToMend) {
  TempDir dir;
  write_file(dir / "file", "x");
  try {
    MetricWriter writer(dir / "file/run");
    FAIL() << "no error";
  } catch (const UserError& e) {
    EXPECT_THAT(e.what(), testing::HasSubstr("cannot create the folder"));
  }
}

}  // namespace
}  // namespace keel
