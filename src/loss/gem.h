// GEM (arXiv 2408.16673): the label is made likelier at the cost of the words that the model prefers, as far
// as it prefers them, so that the distribution keeps its breadth. It is no weight times nll: with
// q = softmax(z/gem_temperature) and h_v = σ(gem_slope·(z_v − z_y)), or 1 for gem_slope 0, both without
// gradient, the loss of a row is −Σ_v q_v·h_v·(ln p_y − ln p_v).
#pragma once

#include "loss/loss.h"

namespace keel {

inline constexpr const char* kGem = "gem";  // its name among the token weightings

// nll_N and entropy_N are the usual ones, weight_N is 1.
LossResult gem_loss(const LossInput& input, const LossOptions& options);

}  // namespace keel
