// EAFT (arXiv 2601.02151): the weight is the entropy of the 20 likeliest words over 3 (about its most, ln
// 20): where the model is sure of something, right or wrong, little is learned.
#include <cmath>

#include "loss/registry.h"

namespace keel {

double eaft_weight(const TokenSignals& token, const LossOptions& o) {
  return std::pow(token.top_entropy / 3.0, o.eaft_alpha);
}

}  // namespace keel
