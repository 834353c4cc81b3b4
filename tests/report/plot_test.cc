#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "report/axis.h"
#include "report/curves.h"
#include "report/svg_plot.h"

namespace keel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(Axis, TicksAreOneTwoOrFiveTimesAPowerOfTen) {
  for (const double range : {0.0003, 0.7, 1.0, 3.0, 19.0, 123.0, 98765.0}) {
    const Axis axis = make_axis(0, range, {});
    ASSERT_GE(axis.ticks.size(), 3u);
    const double step = axis.ticks[1] - axis.ticks[0];
    const double lead = step / std::pow(10, std::floor(std::log10(step * 1.000001)));
    EXPECT_TRUE(std::abs(lead - 1) < 1e-9 || std::abs(lead - 2) < 1e-9 || std::abs(lead - 5) < 1e-9) << lead;
    EXPECT_LE(axis.low, 0);
    EXPECT_GE(axis.high, range * (1 - 1e-9));
  }
}

TEST(Axis, LabelsShareOneUnit) {
  EXPECT_THAT(make_axis(0, 100000, {}).labels, ElementsAre("0", "20k", "40k", "60k", "80k", "100k"));
  EXPECT_THAT(make_axis(0, 2e-5, {}).labels, ElementsAre("0", "5e-6", "1e-5", "1.5e-5", "2e-5"));
  EXPECT_THAT(make_axis(1.02, 1.98, {}).labels, ElementsAre("1.0", "1.2", "1.4", "1.6", "1.8", "2.0"));
  EXPECT_THAT(make_axis(0, 5e6, {}).labels, ElementsAre("0", "1M", "2M", "3M", "4M", "5M"));
}

TEST(Axis, StepsAreWhole) {
  EXPECT_THAT(make_axis(0, 2, {.ticks = 6, .whole_numbers = true, .to_ticks = false}).labels,
              ElementsAre("0", "1", "2"));
}

TEST(Axis, OneValueStillHasARange) {
  for (const double value : {0.0, 3.0, -2.0}) {
    const Axis axis = make_axis(value, value, {});
    EXPECT_LT(axis.low, axis.high);
    EXPECT_TRUE(std::isfinite(axis.place(value)));
  }
  const Axis zero = make_axis(3, 3, {.from_zero = true});
  EXPECT_EQ(zero.low, 0);
}

TEST(Axis, WideRangesAreLogarithmicWhenAsked) {
  const Axis axis = make_axis(0.5, 2000, {.log_if_wide = true});
  EXPECT_TRUE(axis.log);
  EXPECT_THAT(axis.labels, ElementsAre("1", "10", "100", "1000"));
  EXPECT_FALSE(make_axis(0.5, 2000, {}).log);
  EXPECT_FALSE(make_axis(0, 2000, {.log_if_wide = true}).log);
}

TEST(Axis, ValuesForReading) {
  EXPECT_EQ(format_value(0.000025), "2.5e-5");
  EXPECT_EQ(format_value(1.23456), "1.235");
  EXPECT_EQ(format_value(312.4), "312.4");
  EXPECT_EQ(format_value(123456), "123456");
  EXPECT_EQ(format_value(0), "0");
}

Curve noisy(size_t n) {
  Curve curve;
  for (size_t i = 0; i < n; ++i)
    curve.push_back({static_cast<double>(i), std::sin(static_cast<double>(i) * 12.9898)});
  return curve;
}

TEST(Curves, ThinningKeepsEndsSpikesAndOrder) {
  Curve curve = noisy(100000);
  curve[54321].y = 50;
  const Curve out = thin(curve, 400);
  EXPECT_LE(out.size(), 400u);
  EXPECT_GE(out.size(), 300u);
  EXPECT_EQ(out.front().x, 0);
  EXPECT_EQ(out.back().x, 99999);
  EXPECT_TRUE(std::ranges::is_sorted(out, {}, &Point::x));
  EXPECT_EQ(std::ranges::max(out, {}, &Point::y).x, 54321);
}

TEST(Curves, ShortCurvesStayAsTheyAre) {
  EXPECT_EQ(thin(noisy(400), 400).size(), 400u);
  EXPECT_EQ(pick(noisy(3), 400).size(), 3u);
  EXPECT_EQ(pick(noisy(1000), 400).size(), 400u);
  EXPECT_EQ(pick(noisy(1000), 400).back().x, 999);
}

TEST(Curves, SmoothingHasItsHalfLifeAndNoBiasAtTheStart) {
  const Curve out = smooth({{1, 8}, {2, 8}, {3, 8}}, 5);
  for (const Point& p : out) EXPECT_NEAR(p.y, 8, 1e-12);
  // half-life 1: weights 1/2, 1 → (0·½ + 3·1) / 1½
  EXPECT_NEAR(smooth({{1, 0}, {2, 3}}, 1)[1].y, 2, 1e-12);
}

TEST(Curves, MeanOfSharesStillSumsToOne) {
  ShareCurve curve;
  for (int i = 0; i < 1000; ++i) curve.push_back({.x = 1.0 * i, .share = {0.1, 0.2, 0.3, 0.4}});
  const ShareCurve out = thin(curve, 150);
  ASSERT_EQ(out.size(), 150u);
  EXPECT_EQ(out.back().x, 999);
  for (const Shares& s : out) EXPECT_NEAR(s.share[0] + s.share[1] + s.share[2] + s.share[3], 1, 1e-12);
}

TEST(SvgPlot, HasTitleDescriptionTicksAndLegend) {
  const std::string svg = draw(LineChart{.id = "c",
                                         .title = "Loss <b>",
                                         .y_label = "nats",
                                         .lines = {{.name = "a & b", .points = {{1, 2}, {5, 1}}},
                                                   {.name = "other", .points = {{1, 3}}, .ink = 1}}});
  EXPECT_THAT(svg, HasSubstr("role=\"img\" aria-labelledby=\"c-t c-d\""));
  EXPECT_THAT(svg, HasSubstr("<title id=\"c-t\">Loss &lt;b&gt;</title>"));
  EXPECT_THAT(svg, HasSubstr("a &amp; b: from 2 at step 1 to 1 at step 5, lowest 1 at step 5."));
  EXPECT_THAT(svg, HasSubstr("class=\"legend\""));
  EXPECT_THAT(svg, HasSubstr(">nats</text>"));
  EXPECT_THAT(svg, HasSubstr("<title>step 5\na &amp; b: 1\nother: 3 (step 1)</title>"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
}

TEST(SvgPlot, NothingToDrawGivesNothing) {
  EXPECT_EQ(draw(LineChart{.id = "c", .lines = {{.name = "empty"}}}), "");
  EXPECT_EQ(draw(ShareChart{.id = "c"}), "");
}

TEST(SvgPlot, SharesAreStackedUpToOneHundredPercent) {
  ShareChart chart{.id = "z", .title = "Zones", .y_label = "share", .names = {"p", "q", "r", "s"}};
  chart.points = {{.x = 1, .share = {0.5, 0.5, 0, 0}}, {.x = 2, .share = {0.25, 0.25, 0.25, 0.25}}};
  const std::string svg = draw(chart);
  EXPECT_THAT(svg, HasSubstr("class=\"zone3\""));
  EXPECT_THAT(svg, HasSubstr("100 %"));
  EXPECT_THAT(svg, HasSubstr("at step 2, s: 25.0 %, r: 25.0 %, q: 25.0 %, p: 25.0 %."));
}

}  // namespace
}  // namespace keel
