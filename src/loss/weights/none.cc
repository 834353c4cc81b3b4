// Plain cross-entropy.
#include "loss/registry.h"

namespace keel {

double none_weight(const TokenSignals&, const LossOptions&) { return 1; }

}  // namespace keel
