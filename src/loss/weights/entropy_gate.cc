// Entropy gate (ours, a hypothesis): EAFT's weight, never below a floor, behind NLIRG's descent: uncertain
// places learn, and what contradicts the model most (likely noise) does not.
#include <algorithm>

#include "loss/registry.h"
#include "loss/weights/sigmoid.h"

namespace keel {

double entropy_gate_weight(const TokenSignals& token, const LossOptions& o) {
  if (token.nll >= o.nlirg_loss_deadline) return 0;
  return std::max(o.entropy_gate_floor, token.top_entropy / 3.0) *
         sigmoid(o.nlirg_descent_center - token.nll);
}

}  // namespace keel
