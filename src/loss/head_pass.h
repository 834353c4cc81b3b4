// Everything that is computed from logits goes through here: the head is applied to a chunk of rows at a
// time, and logits of more rows than that never exist.
//
// Shapes: N rows, D hidden size, V vocabulary, C rows of a chunk.
#pragma once

#include <ATen/ATen.h>

#include <functional>

namespace keel {

struct HeadGradients {  // of a loss; each undefined where it is not wanted
  at::Tensor hidden_ND, head_VD;
};

// Looks at the logits of the rows from `row` on, and with `gradient` puts d loss / d logits in their place.
using LogitsPass = std::function<void(const at::Tensor& logits_CV, int64_t row, bool gradient)>;

// hidden and head: one compute dtype, one device. Gradients are made for what requires them while gradients
// are recorded.
HeadGradients over_head(const at::Tensor& hidden_ND, const at::Tensor& head_VD, int64_t chunk_rows,
                        const LogitsPass& pass);

// The loss as a float32 scalar on the CPU that can be differentiated once, into these gradients.
at::Tensor joined_loss(double loss, const at::Tensor& hidden_ND, const at::Tensor& head_VD,
                       HeadGradients gradients);

}  // namespace keel
