// Axes whose ticks are 1, 2 or 5 times a power of ten.
#pragma once

#include <string>
#include <vector>

namespace keel {

struct AxisWish {
  int ticks = 5;               // about so many
  bool from_zero = false;      // start at 0 when all values are positive
  bool whole_numbers = false;  // no ticks between integers (steps)
  bool to_ticks = true;        // widen the range to the next tick on both sides
  bool log_if_wide = false;    // logarithmic when all values are positive and span more than two decades
};

struct Axis {
  double low = 0, high = 1;
  bool log = false;
  std::vector<double> ticks;
  std::vector<std::string> labels;  // one for each tick, all in one unit

  double place(double value) const;  // 0 at low, 1 at high
};

Axis make_axis(double low, double high, const AxisWish& wish);  // low <= high, both finite

// For reading, four significant digits: "0.01234", "2.5e-5", "12345".
std::string format_value(double value);

}  // namespace keel
