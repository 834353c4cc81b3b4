// InfoSFT (arXiv 2605.14967): p · max(0, 1 − logit(p) / logit(P)). What is known (p ≥ P) and what is thought
// impossible counts nothing.
#include <algorithm>
#include <cmath>

#include "loss/registry.h"

namespace keel {

double infosft_weight(const TokenSignals& token, const LossOptions& o) {
  const double loss = token.nll;
  if (loss <= -std::log(o.infosft_probability)) return 0;
  const double logit = -loss - std::log(-std::expm1(-loss));
  const double bound = std::log(o.infosft_probability / (1 - o.infosft_probability));
  return std::exp(-loss) * (1 - logit / bound);
}

}  // namespace keel
