#include "report/frontier.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

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

std::string draw_arm_line(const Frame& frame, const NamedLine& arm) {
  std::string path;
  for (const Point& p : arm.line.points)
    path += fmt::format("{}{:.1f},{:.1f}", path.empty() ? "" : " ", frame.across(p.x), frame.down(p.y));
  return fmt::format("<polyline class=\"{}\" points=\"{}\"/>\n", line_class(arm.line), path);
}

std::string draw_arm_dots(const Frame& frame, const NamedLine& arm) {
  std::string dots;
  for (size_t i = 0; i < arm.line.points.size(); ++i) {
    const Point& p = arm.line.points[i];
    dots += fmt::format(
        "<g><title>{} {}: {} learned, {} forgotten</title><circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\"/></g>",
        escape_html(arm.line.name), escape_html(arm.labels[i]), format_value(p.x), format_value(p.y),
        frame.across(p.x), frame.down(p.y));
  }
  return fmt::format("<g class=\"dots ink{}\">{}</g>\n", arm.line.ink % kInks, dots);
}

// Names of points. Boxes are for the largest type that page_style.cc sets a drawing in, on a phone, and for
// digits of a wide face; in any other the text is smaller than its box.
constexpr double kType = 18, kNameType = 13, kCharacter = 0.66, kRow = 1.2 * kType,
                 kBelowBaseline = 0.25 * kType;
constexpr double kGap = 6, kRing = 14;
constexpr int kRings = 10;

double width_of(const std::string& text, double type) {
  const auto begins_utf8 = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
  return kCharacter * type * static_cast<double>(std::ranges::count_if(text, begins_utf8));
}

struct Box {
  double left = 0, top = 0, right = 0, bottom = 0;

  bool meets(const Box& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
  bool is_inside(const Box& other) const {
    return left >= other.left && right <= other.right && top >= other.top && bottom <= other.bottom;
  }
  bool is_crossed(const Point& from, const Point& to) const {
    double low = 0, high = 1;  // the part of the way that lies inside
    const auto clip = [&](double start, double way, double least, double most) {
      if (way == 0) return start >= least && start <= most;
      const double a = (least - start) / way, b = (most - start) / way;
      low = std::max(low, std::min(a, b));
      high = std::min(high, std::max(a, b));
      return true;
    };
    return clip(from.x, to.x - from.x, left, right) && clip(from.y, to.y - from.y, top, bottom) &&
           low <= high;
  }
};

constexpr Box kRoom{
    .left = kLeft + 2, .top = kTop - 10, .right = kWidth - 2, .bottom = kHeight - kBottom + 3};

struct Place {
  Box box;
  int across = 0;  // where it lies: 1 to the right of its point, -1 to the left, 0 over or under it
  int ring = 0;    // 0: beside its point; farther out a thin line leads to it

  double x() const { return across > 0 ? box.left : (across < 0 ? box.right : (box.left + box.right) / 2); }
  Point end_of_pointer(const Point& dot) const { return {x(), std::clamp(dot.y, box.top, box.bottom)}; }
};

Place place_at(const Point& dot, double width, int ring, int across, int down) {
  const double reach = kGap + kRing * ring, x = dot.x + across * reach, y = dot.y + down * reach;
  const double left = across > 0 ? x : (across < 0 ? x - width : x - width / 2);
  const double top = down > 0 ? y : (down < 0 ? y - kRow : y - kRow / 2);
  return {.box = {left, top, left + width, top + kRow}, .across = across, .ring = ring};
}

// Each name gets the nearest place that is free of dots and of the names before it, rather one that no line
// crosses and no other dot is near. A point that has none stays without: its values are in the description
// and under the pointer.
class Names {
 public:
  Names(const Frame& frame, const std::vector<NamedLine>& lines) {
    for (const NamedLine& l : lines)
      for (size_t i = 0; i < l.line.points.size(); ++i) {
        const Point at{frame.across(l.line.points[i].x), frame.down(l.line.points[i].y)};
        if (i > 0) segments_.emplace_back(dots_.back(), at);
        dots_.push_back(at);
      }
  }

  std::string draw(size_t point, const std::string& text, int ink) {
    const std::optional<Place> place = find(dots_[point], width_of(text, kType));
    if (!place || text.empty()) return {};
    taken_.push_back(place->box);
    const Point& dot = dots_[point];
    std::string out;
    if (place->ring > 0) {
      const Point end = place->end_of_pointer(dot);
      segments_.emplace_back(dot, end);
      out = fmt::format("<path class=\"tick\" d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}\"/>", dot.x, dot.y, end.x,
                        end.y);
    }
    const char* anchor = place->across > 0 ? "start" : (place->across < 0 ? "end" : "middle");
    return out + fmt::format(
                     "<text class=\"ink{}\" style=\"fill:var(--ink)\" x=\"{:.1f}\" y=\"{:.1f}\" "
                     "text-anchor=\"{}\">{}</text>\n",
                     ink, place->x(), place->box.bottom - kBelowBaseline, anchor, escape_html(text));
  }

 private:
  static Box around(const Point& dot, double reach) {
    return {dot.x - reach, dot.y - reach, dot.x + reach, dot.y + reach};
  }

  bool is_free(const Point& dot, const Place& place) const {
    const Point end = place.end_of_pointer(dot);
    const auto meets_dot = [&](const Point& d) { return place.box.meets(around(d, kGap - 1)); };
    const auto meets_name = [&](const Box& name) {
      return place.box.meets(name) || name.is_crossed(dot, end);
    };
    return place.box.is_inside(kRoom) && std::ranges::none_of(dots_, meets_dot) &&
           std::ranges::none_of(taken_, meets_name);
  }

  std::ptrdiff_t cost_of(const Point& dot, const Place& place) const {
    const auto crossed = [&](const auto& s) { return place.box.is_crossed(s.first, s.second); };
    const auto near = [&](const Point& d) {
      return (d.x != dot.x || d.y != dot.y) && place.box.meets(around(d, 2 * kGap));
    };
    return 2 * place.ring + 3 * std::ranges::count_if(segments_, crossed) +
           3 * std::ranges::count_if(dots_, near);
  }

  std::optional<Place> find(const Point& dot, double width) const {
    constexpr std::array<std::pair<int, int>, 8> kSides{
        {{1, -1}, {-1, -1}, {1, 1}, {-1, 1}, {0, -1}, {0, 1}, {1, 0}, {-1, 0}}};
    std::optional<Place> best;
    std::ptrdiff_t least = 0;
    for (int ring = 0; ring < kRings; ++ring)
      for (const auto& [across, down] : kSides) {
        const Place place = place_at(dot, width, ring, across, down);
        if (!is_free(dot, place)) continue;
        const std::ptrdiff_t cost = cost_of(dot, place);
        if (best && cost >= least) continue;
        best = place;
        least = cost;
      }
    return best;
  }

  std::vector<Point> dots_;
  std::vector<Box> taken_;                         // by names
  std::vector<std::pair<Point, Point>> segments_;  // of the arms' lines and of the names' pointers
};

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
  for (const NamedLine& l : lines) body += draw_arm_line(frame, l);
  Names names(frame, lines);
  size_t point = 0;
  for (const NamedLine& l : lines)
    for (const std::string& label : l.labels) body += names.draw(point++, label, l.line.ink % kInks);
  // Last, so that a line across a dot does not keep the pointer from it.
  for (const NamedLine& l : lines) body += draw_arm_dots(frame, l);
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
  double names = 0;
  for (const NamedLine& l : lines) names = std::max(names, width_of(l.line.name, kNameType));
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\">\n<title>{}</title>\n"
      "<desc>{}</desc>\n<style>{}</style>\n<rect width=\"100%\" height=\"100%\" "
      "fill=\"var(--card)\"/>\n{}{}</svg>\n",
      kWidth + 24 + std::ceil(names), kHeight, escape_html(text_of(frontier, "title")),
      escape_html(description_of(lines)), page_style(), body_of(frontier, lines), names_of(lines));
}

}  // namespace keel
