#include "report/frontier.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "report/html_escape.h"
#include "report/page.h"
#include "report/page_parts.h"
#include "report/svg_frame.h"

namespace keel {
namespace {

struct NamedLine {
  Line line;
  std::vector<std::string> labels;  // of its points
};

std::vector<NamedLine> lines_of(const Json& frontier) {
  std::vector<NamedLine> out;
  const Json points = frontier.is_object() ? frontier.value("points", Json::array()) : Json::array();
  for (const Json& p : points) {
    if (!p.is_object() || !p.contains("x") || !p["x"].is_number() || !p.contains("y") || !p["y"].is_number())
      continue;
    const std::string arm = text_of(p, "arm");
    auto found = std::ranges::find_if(out, [&](const NamedLine& l) { return l.line.name == arm; });
    if (found == out.end()) {
      const int ink = static_cast<int>(out.size());
      found = out.insert(out.end(), {.line = {.name = arm, .points = {}, .ink = ink}, .labels = {}});
    }
    found->line.points.push_back({p["x"].get<double>(), p["y"].get<double>()});
    found->labels.push_back(text_of(p, "label"));
  }
  return out;
}

// Both axes hold 0, the base model.
Frame frame_around(const std::vector<NamedLine>& lines) {
  Point low, high;
  for (const NamedLine& l : lines)
    for (const Point& p : l.line.points) {
      low = {std::min(low.x, p.x), std::min(low.y, p.y)};
      high = {std::max(high.x, p.x), std::max(high.y, p.y)};
    }
  return {.x = make_axis(low.x, high.x, {.ticks = 6}), .y = make_axis(low.y, high.y, {})};
}

std::string draw_arm(const Frame& frame, const NamedLine& arm) {
  const int ink = arm.line.ink % kInks;
  std::string path, dots;
  for (size_t i = 0; i < arm.line.points.size(); ++i) {
    const Point& p = arm.line.points[i];
    const double x = frame.across(p.x), y = frame.down(p.y);
    path += fmt::format("{}{:.1f},{:.1f}", i == 0 ? "" : " ", x, y);
    dots += fmt::format(
        "<g><title>{} {}: {} learned, {} forgotten</title><circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\"/></g>"
        "<text x=\"{:.1f}\" y=\"{:.1f}\">{}</text>",
        escape_html(arm.line.name), escape_html(arm.labels[i]), format_value(p.x), format_value(p.y), x, y,
        x + 7, y - 6, escape_html(arm.labels[i]));
  }
  return fmt::format("<polyline class=\"{}\" points=\"{}\"/>\n<g class=\"dots ink{}\">{}</g>\n",
                     line_class(arm.line), path, ink, dots);
}

std::string description_of(const std::vector<NamedLine>& lines) {
  std::string out;
  for (const NamedLine& l : lines) {
    out += l.line.name + ":";
    for (size_t i = 0; i < l.labels.size(); ++i)
      out += fmt::format(" {} learned {} and forgot {};", l.labels[i], format_value(l.line.points[i].x),
                         format_value(l.line.points[i].y));
    out += " ";
  }
  return out;
}

std::string body_of(const Json& frontier, const std::vector<NamedLine>& lines) {
  const Frame frame = frame_around(lines);
  std::string body = draw_axes(frame, text_of(frontier, "x_label"), text_of(frontier, "y_label"));
  for (const NamedLine& l : lines) body += draw_arm(frame, l);
  return body;
}

// In place of the legend, which is HTML: names at the right of the drawing.
std::string names_of(const std::vector<NamedLine>& lines) {
  std::string out;
  for (size_t i = 0; i < lines.size(); ++i)
    out += fmt::format(
        "<g class=\"dots ink{}\"><circle cx=\"{}\" cy=\"{}\" r=\"4\"/><text x=\"{}\" y=\"{}\" dy=\".35em\">{}"
        "</text></g>\n",
        lines[i].line.ink % kInks, kWidth + 6, kTop + 18 * static_cast<double>(i), kWidth + 16,
        kTop + 18 * static_cast<double>(i), escape_html(lines[i].line.name));
  return out;
}

}  // namespace

std::string draw_frontier(const Json& frontier) {
  const std::vector<NamedLine> lines = lines_of(frontier);
  if (lines.empty()) return {};
  std::vector<Line> plain;
  for (const NamedLine& l : lines) plain.push_back(l.line);
  return figure({.id = "frontier-plot",
                 .title = text_of(frontier, "title"),
                 .description = description_of(lines),
                 .legend = line_legend(plain),
                 .body = body_of(frontier, lines)});
}

std::string frontier_svg(const Json& frontier) {
  const std::vector<NamedLine> lines = lines_of(frontier);
  constexpr double kNames = 140;
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\">\n<title>{}</title>\n"
      "<desc>{}</desc>\n<style>{}</style>\n<rect width=\"100%\" height=\"100%\" "
      "fill=\"var(--card)\"/>\n{}{}</svg>\n",
      kWidth + kNames, kHeight, escape_html(text_of(frontier, "title")), escape_html(description_of(lines)),
      page_style(), body_of(frontier, lines), names_of(lines));
}

}  // namespace keel
