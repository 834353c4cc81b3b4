#include "model/linear.h"

#include "base/rng.h"
#include "model/activation.h"

namespace keel {

uint64_t LowRank::dropout_key(const ForwardMode& mode) const {
  return Rng(mode.dropout_key, "lora dropout", 0, index).next();
}

at::Tensor Linear::operator()(const at::Tensor& x, const ForwardMode& mode) const {
  at::Tensor y = bias_O.defined() ? at::addmm(bias_O, x, weight_OI.t()) : at::mm(x, weight_OI.t());
  if (!adapter) return y;
  at::Tensor in = x;
  if (mode.training && adapter->dropout > 0) {
    in = keyed_dropout(x, adapter->dropout, adapter->dropout_key(mode));
  }
  // In place: nobody kept y.
  return y.addmm_(at::mm(in, adapter->a_rI.t()), adapter->b_Or.t(), 1.0, adapter->scale);
}

}  // namespace keel
