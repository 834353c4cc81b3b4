#include "model/linear.h"

#include "base/rng.h"
#include "model/activation.h"

namespace keel {

at::Tensor Linear::operator()(const at::Tensor& x, const ForwardMode& mode) const {
  at::Tensor y = bias_O.defined() ? at::addmm(bias_O, x, weight_OI.t()) : at::mm(x, weight_OI.t());
  if (!adapter) return y;
  at::Tensor in = x;
  if (mode.training && adapter->dropout > 0) {
    in = keyed_dropout(x, adapter->dropout, Rng(mode.dropout_key, "lora dropout", 0, adapter->index).next());
  }
  // In place: nobody kept y.
  return y.addmm_(at::mm(in, adapter->a_rI.t()), adapter->b_Or.t(), 1.0, adapter->scale);
}

}  // namespace keel
