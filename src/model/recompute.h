// Activation checkpointing (Chen et al., 2016): the forward pass keeps only the input of a function; the
// backward pass runs it again with gradients. libtorch's C++ interface has no such thing of its own.
#pragma once

#include <ATen/ATen.h>

#include <functional>

namespace keel {

// f(x), where f must give the same numbers when it is called again. Gradients of leaves that f uses are added
// to their .grad, as in a plain backward pass. any_trained: whether f uses a leaf that needs a gradient.
at::Tensor recomputed(std::function<at::Tensor(const at::Tensor&)> f, const at::Tensor& x, bool any_trained);

}  // namespace keel
