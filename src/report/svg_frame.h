// What all plots have in common: the drawing's measure, axes, legend, figure.
#pragma once

#include <string>
#include <vector>

#include "report/axis.h"
#include "report/svg_plot.h"

namespace keel {

// One drawing is kWidth × kHeight units; the page scales it to the column.
inline constexpr double kWidth = 560, kHeight = 300;
inline constexpr double kLeft = 72, kRight = 30, kTop = 34, kBottom = 50;

struct Frame {
  Axis x, y;

  double across(double value) const { return kLeft + x.place(value) * (kWidth - kLeft - kRight); }
  double down(double value) const { return kHeight - kBottom - y.place(value) * (kHeight - kTop - kBottom); }
};

std::string draw_axes(const Frame& frame, const std::string& x_label, const std::string& y_label);

std::string line_class(const Line& line);
std::string line_legend(const std::vector<Line>& lines);  // "" of a single line

struct Figure {
  std::string id, title, description;  // not yet escaped
  std::string legend, body;            // HTML and SVG
};

std::string figure(const Figure& parts);

}  // namespace keel
