// NLIRG (non-linear regulation of learning intensity), as its reference trainer computes it. The weight rises
// with the loss up to the threshold, falls behind it, and is 0 from the deadline on: what the model knows is
// left alone, and so is what contradicts it most (likely noise). Below the deadline it is at least min_lr.
#include <algorithm>

#include "loss/registry.h"
#include "loss/weights/sigmoid.h"

namespace keel {

double nlirg_weight(const TokenSignals& token, const LossOptions& o) {
  const double loss = token.nll;
  if (loss >= o.nlirg_loss_deadline) return 0;
  const double curve = loss <= o.nlirg_loss_threshold ? sigmoid(o.nlirg_k * (loss - o.nlirg_x0))
                                                      : sigmoid(o.nlirg_descent_center - loss);
  return std::max(curve * o.nlirg_max_lr, o.nlirg_min_lr);
}

}  // namespace keel
