#include "report/curves.h"

#include <algorithm>
#include <cmath>

namespace keel {

Curve smooth(const Curve& curve, double half_life) {
  const double keep = std::exp2(-1 / half_life);
  Curve out;
  out.reserve(curve.size());
  double sum = 0, weight = 0;
  for (const Point& p : curve) {
    sum = keep * sum + p.y;
    weight = keep * weight + 1;
    out.push_back({p.x, sum / weight});
  }
  return out;
}

Curve thin(const Curve& curve, size_t max_points) {
  if (curve.size() <= max_points) return curve;
  const size_t inner = curve.size() - 2, stretches = max_points / 2 - 1;
  Curve out{curve.front()};
  for (size_t i = 0; i < stretches; ++i) {
    const auto from = curve.begin() + 1 + static_cast<std::ptrdiff_t>(inner * i / stretches);
    const auto to = curve.begin() + 1 + static_cast<std::ptrdiff_t>(inner * (i + 1) / stretches);
    auto [low, high] =
        std::minmax_element(from, to, [](const Point& a, const Point& b) { return a.y < b.y; });
    if (high < low) std::swap(low, high);
    out.push_back(*low);
    if (high != low) out.push_back(*high);
  }
  out.push_back(curve.back());
  return out;
}

Curve pick(const Curve& curve, size_t max_points) {
  if (curve.size() <= max_points) return curve;
  Curve out;
  for (size_t i = 0; i < max_points; ++i) out.push_back(curve[i * (curve.size() - 1) / (max_points - 1)]);
  return out;
}

ShareCurve thin(const ShareCurve& curve, size_t max_points) {
  if (curve.size() <= max_points) return curve;
  ShareCurve out;
  for (size_t i = 0; i < max_points; ++i) {
    const size_t from = curve.size() * i / max_points, to = curve.size() * (i + 1) / max_points;
    const auto n = static_cast<double>(to - from);
    Shares mean;
    for (size_t k = from; k < to; ++k) {
      mean.x += curve[k].x / n;
      for (size_t zone = 0; zone < 4; ++zone) mean.share[zone] += curve[k].share[zone] / n;
    }
    out.push_back(mean);
  }
  out.front().x = curve.front().x;  // so that the area reaches both ends of the axis
  out.back().x = curve.back().x;
  return out;
}

}  // namespace keel
