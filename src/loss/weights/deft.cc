// DEFT (arXiv 2602.11424): the loss (1 − p^a)/a with a = Σ p², held still. Its gradient is p^a times that of
// −ln p, so here it is the weight p^a: a sharp distribution (a near 1) trusts what it holds, a flat one (a
// near 0) learns everything. The loss that is reported is weight · nll.
#include <cmath>

#include "loss/registry.h"

namespace keel {

double deft_weight(const TokenSignals& token, const LossOptions&) {
  return std::exp(-static_cast<double>(token.nll) * token.sum_p2);
}

}  // namespace keel
