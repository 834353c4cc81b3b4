#pragma once

#include <cmath>

namespace keel {

inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

}  // namespace keel
