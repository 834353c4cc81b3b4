// NLIRG's idea as one smooth curve: a rise at x0 times a gate that closes at smooth_center, where the
// published evidence on forgetting puts it.
#include "loss/registry.h"
#include "loss/weights/sigmoid.h"

namespace keel {

double nlirg_smooth_weight(const TokenSignals& token, const LossOptions& o) {
  const double loss = token.nll;
  return sigmoid(o.nlirg_k * (loss - o.nlirg_x0)) *
         sigmoid(o.nlirg_smooth_k * (o.nlirg_smooth_center - loss));
}

}  // namespace keel
