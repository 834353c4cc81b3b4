#include "train/moments.h"

#include <algorithm>
#include <cmath>

namespace keel {

void add(Moments& moments, double x, int64_t fade) {
  ++moments.count;
  const int64_t counted = fade > 0 ? std::min(moments.count, fade) : moments.count;
  const double share = 1.0 / static_cast<double>(counted), distance = x - moments.mean;
  moments.mean += share * distance;
  moments.variance = (1 - share) * (moments.variance + share * distance * distance);
}

double z_of(const Moments& moments, double x, double least) {
  return (x - moments.mean) / std::max(std::sqrt(moments.variance), least);
}

}  // namespace keel
