#include "report/frontier.h"

#include <gmock/gmock.h>

namespace keel {
namespace {

using testing::HasSubstr;
using testing::Not;

Json two_arms_frontier() {
  return {{"title", "Learning <and> forgetting"},
          {"x_label", "learned"},
          {"y_label", "forgotten"},
          {"points",
           {{{"arm", "plain"}, {"label", "0.0001"}, {"x", 0.1}, {"y", 0.0}},
            {{"arm", "plain"}, {"label", "0.0002"}, {"x", 0.4}, {"y", 0.2}},
            {{"arm", "n&lirg"}, {"label", "0.0001"}, {"x", 0.3}, {"y", -0.1}}}}};
}

size_t count_of(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

TEST(Frontier, HasALineAnArmAndANamedPointARun) {
  const std::string html = draw_frontier(two_arms_frontier());
  EXPECT_EQ(count_of(html, "<circle"), 3U);
  EXPECT_EQ(count_of(html, ">0.0001</text>"), 2U);
  EXPECT_EQ(count_of(html, "<bdi>"), 2U);
  EXPECT_THAT(html, HasSubstr("<figcaption>Learning &lt;and&gt; forgetting</figcaption>"));
  EXPECT_THAT(html, HasSubstr("<title>plain 0.0002: 0.4 learned, 0.2 forgotten</title>"));
  EXPECT_THAT(html, HasSubstr("n&amp;lirg: 0.0001 learned 0.3 and forgot -0.1;"));
  EXPECT_THAT(html, HasSubstr(">learned</text>"));
}

// More learned lies to the right, more forgotten higher up.
TEST(Frontier, LearnedGoesToTheRightAndForgottenUp) {
  const std::string html = draw_frontier(two_arms_frontier());
  const size_t line = html.find("<polyline class=\"line ink0\" points=\"", html.find("<desc"));
  ASSERT_NE(line, std::string::npos);
  double x1 = 0, y1 = 0, x2 = 0, y2 = 0;
  ASSERT_EQ(std::sscanf(html.c_str() + html.find("points=\"", line), "points=\"%lf,%lf %lf,%lf", &x1, &y1,
                        &x2, &y2),
            4);
  EXPECT_LT(x1, x2);
  EXPECT_GT(y1, y2);
}

TEST(Frontier, AFileStandsAlone) {
  const std::string file = frontier_svg(two_arms_frontier());
  EXPECT_TRUE(file.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
  EXPECT_THAT(file, HasSubstr("<style>"));
  EXPECT_THAT(file, HasSubstr(">n&amp;lirg</text>"));  // in place of the legend
  EXPECT_THAT(file, Not(HasSubstr("<figure")));
}

TEST(Frontier, WithoutPointsThereIsNoFigure) {
  EXPECT_EQ(draw_frontier(Json()), "");
  EXPECT_EQ(draw_frontier({{"points", {{{"arm", "plain"}, {"x", "far"}, {"y", 1}}}}}), "");
  EXPECT_EQ(draw_frontier({{"points", 3}}), "");
}

}  // namespace
}  // namespace keel
