#include "report/svg_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "report/html_escape.h"
#include "report/svg_frame.h"

namespace keel {
namespace {

constexpr size_t kMostDots = 40;   // curves with few points (evaluations) show where they were measured
constexpr size_t kMostBands = 48;  // places where a resting pointer shows values

Axis step_axis(double low, double high, const StepRange& wish) {
  if (wish.low <= wish.high) {
    low = std::min(low, wish.low);
    high = std::max(high, wish.high);
  }
  if (low > 0 && low < 0.1 * high) low = 0;
  return make_axis(low, high, {.ticks = 6, .whole_numbers = true, .to_ticks = false});
}

struct Band {
  double x = 0;      // in data units
  std::string text;  // shown while the pointer rests there; not yet escaped
};

std::string draw_bands(const Frame& frame, const std::vector<Band>& bands) {
  std::string out;
  for (size_t i = 0; i < bands.size(); ++i) {
    const double here = frame.across(bands[i].x);
    const double from = i == 0 ? kLeft : (frame.across(bands[i - 1].x) + here) / 2;
    const double to = i + 1 == bands.size() ? kWidth - kRight : (frame.across(bands[i + 1].x) + here) / 2;
    out += fmt::format(
        "<g class=\"band\"><title>{}</title><rect x=\"{:.1f}\" y=\"{}\" width=\"{:.1f}\" height=\"{}\"/>"
        "<path d=\"M{:.1f} {}v{}\"/></g>\n",
        escape_html(bands[i].text), from, kTop, std::max(to - from, 0.5), kHeight - kTop - kBottom, here,
        kTop, kHeight - kTop - kBottom);
  }
  return out;
}

// Line charts.

std::string draw_line(const Frame& frame, const Line& line) {
  std::string points, dots;
  for (const Point& p : line.points) {
    fmt::format_to(std::back_inserter(points), "{:.1f},{:.1f} ", frame.across(p.x), frame.down(p.y));
    if (line.points.size() <= kMostDots && !line.faint)
      dots +=
          fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\"/>", frame.across(p.x), frame.down(p.y));
  }
  points.pop_back();
  std::string out = fmt::format("<polyline class=\"{}\" points=\"{}\"/>\n", line_class(line), points);
  if (!dots.empty()) out += fmt::format("<g class=\"dots ink{}\">{}</g>\n", line.ink % kInks, dots);
  return out;
}

const Point& nearest(const Curve& curve, double x) {
  const auto after =
      std::lower_bound(curve.begin(), curve.end(), x, [](const Point& p, double v) { return p.x < v; });
  if (after == curve.begin()) return *after;
  if (after == curve.end() || x - std::prev(after)->x < after->x - x) return *std::prev(after);
  return *after;
}

std::vector<Band> line_bands(const std::vector<Line>& lines) {
  const auto longest = std::ranges::max_element(lines, {}, [](const Line& l) { return l.points.size(); });
  std::vector<Band> bands;
  const size_t all = longest->points.size(), n = std::min(all, kMostBands);
  for (size_t i = 0; i < n; ++i) {
    const double x = longest->points[n == 1 ? 0 : i * (all - 1) / (n - 1)].x;
    Band band{.x = x, .text = fmt::format("step {:.0f}", x)};
    for (const Line& line : lines) {
      const Point& p = nearest(line.points, x);
      band.text += fmt::format("\n{}: {}", line.name, format_value(p.y));
      if (p.x != x) band.text += fmt::format(" (step {:.0f})", p.x);
    }
    bands.push_back(std::move(band));
  }
  return bands;
}

std::string describe(const std::vector<Line>& lines) {
  std::string out;
  for (const Line& line : lines) {
    const Point& low = *std::ranges::min_element(line.points, {}, &Point::y);
    const Point &first = line.points.front(), &last = line.points.back();
    out +=
        fmt::format("{}: from {} at step {:.0f} to {} at step {:.0f}, lowest {} at step {:.0f}. ", line.name,
                    format_value(first.y), first.x, format_value(last.y), last.x, format_value(low.y), low.x);
  }
  return out;
}

Frame frame_of(const LineChart& chart) {
  Point low = chart.lines.front().points.front(), high = low;
  for (const Line& line : chart.lines) {
    for (const Point& p : line.points) {
      low = {std::min(low.x, p.x), std::min(low.y, p.y)};
      high = {std::max(high.x, p.x), std::max(high.y, p.y)};
    }
  }
  return {.x = step_axis(low.x, high.x, chart.steps),
          .y = make_axis(low.y, high.y, {.from_zero = chart.from_zero, .log_if_wide = chart.log_if_wide})};
}

// Share charts: zone 0 lies at the bottom.

std::string draw_area(const Frame& frame, const ShareCurve& points, size_t zone) {
  std::string top, bottom;
  for (const Shares& p : points) {
    double below = 0;
    for (size_t i = 0; i < zone; ++i) below += p.share[i];
    const double x = frame.across(p.x);
    bottom = fmt::format("{:.1f},{:.1f} ", x, frame.down(below)) + bottom;
    fmt::format_to(std::back_inserter(top), "{:.1f},{:.1f} ", x, frame.down(below + p.share[zone]));
  }
  bottom.pop_back();
  return fmt::format("<polygon class=\"zone{}\" points=\"{}{}\"/>\n", zone, top, bottom);
}

std::string share_text(const ShareChart& chart, const Shares& p, std::string_view separator) {
  std::string out;
  for (size_t zone = 4; zone-- > 0;)
    out += fmt::format("{}{}: {:.1f} %", separator, chart.names[zone], 100 * p.share[zone]);
  return out;
}

std::string share_legend(const ShareChart& chart) {
  std::string out = "<ul class=\"legend\">";
  for (size_t zone = 0; zone < 4; ++zone)
    out += fmt::format(
        "<li><svg viewBox=\"0 0 12 12\" class=\"square\" aria-hidden=\"true\"><rect class=\"zone{}\" "
        "width=\"12\" "
        "height=\"12\"/></svg><bdi>{}</bdi></li>",
        zone, escape_html(chart.names[zone]));
  return out + "</ul>";
}

Axis percent_axis() {
  Axis axis{.low = 0, .high = 1, .ticks = {0, 0.2, 0.4, 0.6, 0.8, 1}};
  for (const double tick : axis.ticks) axis.labels.push_back(fmt::format("{:.0f} %", 100 * tick));
  return axis;
}

}  // namespace

std::string draw(const LineChart& given) {
  LineChart chart = given;
  std::erase_if(chart.lines, [](const Line& line) { return line.points.empty(); });
  if (chart.lines.empty()) return {};
  const Frame frame = frame_of(chart);
  std::string body = draw_axes(frame, "step", chart.y_label + (frame.y.log ? ", logarithmic" : ""));
  for (const Line& line : chart.lines) body += draw_line(frame, line);
  body += draw_bands(frame, line_bands(chart.lines));
  return figure({.id = chart.id,
                 .title = chart.title,
                 .description = describe(chart.lines),
                 .legend = line_legend(chart.lines),
                 .body = body});
}

std::string draw(const ShareChart& chart) {
  if (chart.points.size() < 2) return {};
  const Shares &first = chart.points.front(), &last = chart.points.back();
  const Frame frame{.x = step_axis(first.x, last.x, chart.steps), .y = percent_axis()};
  std::string body;
  for (size_t zone = 0; zone < 4; ++zone) body += draw_area(frame, chart.points, zone);
  body += draw_axes(frame, "step", chart.y_label);
  std::vector<Band> bands;
  const size_t all = chart.points.size(), n = std::min(all, kMostBands);
  for (size_t i = 0; i < n; ++i) {
    const Shares& p = chart.points[i * (all - 1) / (n - 1)];
    bands.push_back({.x = p.x, .text = fmt::format("step {:.0f}{}", p.x, share_text(chart, p, "\n"))});
  }
  const std::string description =
      fmt::format("At step {:.0f}{}; at step {:.0f}{}.", first.x, share_text(chart, first, ", "), last.x,
                  share_text(chart, last, ", "));
  return figure({.id = chart.id,
                 .title = chart.title,
                 .description = description,
                 .legend = share_legend(chart),
                 .body = body + draw_bands(frame, bands)});
}

}  // namespace keel
