// What a row's statistics mean: its signals, its weight and its part of the loss. The same on every device.
#pragma once

#include <cmath>
#include <cstdint>

#include "loss/kernel.h"

namespace keel {

struct LabelStatistics {
  double nll = 0, entropy = 0, sum_p2 = 0, top_entropy = 0;
};

// Writes what is reported of row i; returns its coefficient times its weight.
inline double report_row(int64_t i, const LabelStatistics& s, const RowPass& pass) {
  const TokenSignals token{.nll = static_cast<float>(s.nll),
                           .p = static_cast<float>(std::exp(-s.nll)),
                           .entropy = static_cast<float>(s.entropy),
                           .sum_p2 = static_cast<float>(s.sum_p2),
                           .top_entropy = static_cast<float>(s.top_entropy),
                           .reference_nll = pass.reference_nll ? pass.reference_nll[i] : 0.0F};
  const double weight = token_weight(*pass.weighting, token, pass.end_of_turn[i], *pass.options);
  const double share = pass.coefficient[i] * weight;
  pass.nll[i] = token.nll;
  pass.entropy[i] = token.entropy;
  pass.weight[i] = static_cast<float>(weight);
  pass.loss[i] = share * s.nll;
  return share;
}

// The gradient at the label, share · (p − 1), without cancellation.
inline float gradient_at_label(double share, double nll) {
  return static_cast<float>(share * std::expm1(-nll));
}

}  // namespace keel
