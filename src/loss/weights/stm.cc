// STM (arXiv 2501.14315): only tokens that the model thought possible before training are learned: weight 1
// where its perplexity then was at most a threshold, else 0.
#include <cmath>

#include "loss/registry.h"

namespace keel {

double stm_weight(const TokenSignals& token, const LossOptions& o) {
  return token.reference_nll <= std::log(o.stm_perplexity) ? 1 : 0;
}

}  // namespace keel
