// A curve is points in the order of x. What a plot needs before it is drawn: smoothing and thinning.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

namespace keel {

struct Point {
  double x = 0, y = 0;
};
using Curve = std::vector<Point>;

struct Shares {
  double x = 0;
  std::array<double, 4> share{};  // sums to 1
};
using ShareCurve = std::vector<Shares>;

// Exponential mean over points (not over x); half_life is the number of points after which a point counts
// half. The start is unbiased: the first value is the first point's own.
Curve smooth(const Curve& curve, double half_life);

// At most max_points (>= 4), keeping the first, the last and the extremes of every stretch, so that no spike
// is lost.
Curve thin(const Curve& curve, size_t max_points);

// At most max_points (>= 2), evenly picked: for curves that are smooth already.
Curve pick(const Curve& curve, size_t max_points);

// At most max_points, each the mean of a stretch.
ShareCurve thin(const ShareCurve& curve, size_t max_points);

}  // namespace keel
