// DFT (arXiv 2508.05629): weight p, so that the gradient does not grow with 1/p; never below the floor.
#include <algorithm>

#include "loss/registry.h"

namespace keel {

double dft_weight(const TokenSignals& token, const LossOptions& o) {
  return std::max(static_cast<double>(token.p), o.dft_floor);
}

}  // namespace keel
