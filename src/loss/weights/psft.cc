// PSFT (arXiv 2508.17784): the gradient of the probability ratio r = p / p_old, which stops once the token is
// by a share likelier than it was for the model of some updates ago.
#include <cmath>

#include "loss/registry.h"

namespace keel {

double psft_weight(const TokenSignals& token, const LossOptions& o) {
  const double ratio = std::exp(static_cast<double>(token.reference_nll) - static_cast<double>(token.nll));
  return ratio <= 1 + o.psft_clip ? ratio : 0;
}

}  // namespace keel
