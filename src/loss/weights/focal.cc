// Focal weight (1 − p)^γ (Lin et al., 2017): easy tokens count less, hard ones never do.
#include <cmath>

#include "loss/registry.h"

namespace keel {

double focal_weight(const TokenSignals& token, const LossOptions& o) {
  const double rest = -std::expm1(-static_cast<double>(token.nll));  // 1 − p without cancellation
  return std::pow(rest, o.focal_gamma);
}

}  // namespace keel
