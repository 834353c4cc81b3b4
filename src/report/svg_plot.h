// Plots as inline SVG in a <figure>, drawn for page_style.cc: colours are classes ("ink0" … and "zone0" …),
// so that light, dark and print each have their own. Made to be read without a script: ticks and a
// description for screen readers; a pointer that rests shows the values beneath it.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "report/curves.h"

namespace keel {

inline constexpr int kInks = 8;  // colours that lines can have

struct Line {
  std::string name;  // for the legend and the values under the pointer
  Curve points;      // not empty; at most a few hundred, see thin()
  int ink = 0;       // taken modulo kInks
  bool faint = false;
};

// The steps that the axis covers at least; the same for all charts of a page, so that they can be compared.
struct StepRange {
  double low = 1, high = 0;  // low > high: only what the points need
};

struct LineChart {
  std::string id;  // unique on the page, a valid HTML id
  std::string title;
  std::string y_label;  // quantity and unit
  std::vector<Line> lines;
  StepRange steps = {};
  bool from_zero = false;
  bool log_if_wide = false;
};

std::string draw(const LineChart& chart);  // "" when no line has points

struct ShareChart {
  std::string id, title, y_label;
  std::array<std::string, 4> names;
  ShareCurve points;
  StepRange steps = {};
};

std::string draw(const ShareChart& chart);  // "" with fewer than two points

}  // namespace keel
