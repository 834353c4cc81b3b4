#include "report/svg_frame.h"

#include <fmt/format.h>

#include "report/html_escape.h"

namespace keel {

std::string draw_axes(const Frame& frame, const std::string& x_label, const std::string& y_label) {
  std::string out = fmt::format("<text class=\"axis-name\" x=\"4\" y=\"18\">{}</text>", escape_html(y_label));
  out += fmt::format("<text class=\"axis-name\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n",
                     kWidth - kRight, kHeight - 6, escape_html(x_label));
  for (size_t i = 0; i < frame.y.ticks.size(); ++i) {
    const double y = frame.down(frame.y.ticks[i]);
    out += fmt::format("<path class=\"grid\" d=\"M{} {:.1f}H{}\"/>", kLeft, y, kWidth - kRight);
    out += fmt::format("<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\" dy=\".35em\">{}</text>\n", kLeft - 8,
                       y, frame.y.labels[i]);
  }
  for (size_t i = 0; i < frame.x.ticks.size(); ++i) {
    const double x = frame.across(frame.x.ticks[i]), base = kHeight - kBottom;
    out += fmt::format("<path class=\"tick\" d=\"M{:.1f} {}v5\"/>", x, base);
    out += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n", x, base + 21,
                       frame.x.labels[i]);
  }
  return out +
         fmt::format("<path class=\"base\" d=\"M{} {}H{}\"/>\n", kLeft, kHeight - kBottom, kWidth - kRight);
}

std::string figure(const Figure& f) {
  return fmt::format(
      "<figure class=\"chart\"><figcaption>{1}</figcaption>{3}\n"
      "<svg viewBox=\"0 0 {5} {6}\" role=\"img\" aria-labelledby=\"{0}-t {0}-d\">"
      "<title id=\"{0}-t\">{1}</title><desc id=\"{0}-d\">{2}</desc>\n{4}</svg></figure>\n",
      escape_html(f.id), escape_html(f.title), escape_html(f.description), f.legend, f.body, kWidth, kHeight);
}

std::string line_class(const Line& line) {
  return fmt::format("line ink{}{}", line.ink % kInks, line.faint ? " faint" : "");
}

std::string line_legend(const std::vector<Line>& lines) {
  if (lines.size() < 2) return {};
  std::string out = "<ul class=\"legend\">";
  for (const Line& line : lines)
    out += fmt::format(
        "<li><svg viewBox=\"0 0 28 10\" aria-hidden=\"true\"><polyline class=\"{}\" points=\"1,5 "
        "27,5\"/></svg>"
        "<bdi>{}</bdi></li>",
        line_class(line), escape_html(line.name));
  return out + "</ul>";
}

}  // namespace keel
