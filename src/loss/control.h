// Controls for a token weighting (weighting_control): what is left of its effect when its weights go to other
// tokens, or when there is nothing of it but the smaller step?
#pragma once

#include "loss/loss.h"

namespace keel {

// permuted: the weights of these rows, dealt out among them anew; ends of turn keep theirs. The order is a
// function of the labels. scaled: plain cross-entropy; weight_N tells what the weighting would have been, by
// whose mean over a step the learning rate is to be multiplied. One more pass over the head than without a
// control.
LossResult controlled_cross_entropy(const LossInput& input, const LossOptions& options);

}  // namespace keel
