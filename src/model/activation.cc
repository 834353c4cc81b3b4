#include "model/activation.h"

#include <torch/csrc/autograd/custom_function.h>

#include "model/dispatch.h"

namespace keel {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kElementGrain = 16384;  // elements a task takes

class KeyedDropout : public torch::autograd::Function<KeyedDropout> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, double p, int64_t key) {
    ctx->saved_data["p"] = p;
    ctx->saved_data["key"] = key;
    return dropout_rows(x, p, static_cast<uint64_t>(key));
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto key = static_cast<uint64_t>(ctx->saved_data["key"].toInt());
    return {dropout_rows(grads[0], ctx->saved_data["p"].toDouble(), key), {}, {}};
  }
};

}  // namespace

at::Tensor swiglu_rows(const at::Tensor& gate, const at::Tensor& up) {
  const at::Tensor y = at::empty_like(gate);
  with_row_type(gate, [&](auto kind) {
    using T = decltype(kind);
    at::parallel_for(0, gate.numel(), kElementGrain, [&](int64_t begin, int64_t end) {
      rows::swiglu(rows_of<T>(gate) + begin, rows_of<T>(up) + begin, rows_of<T>(y) + begin, end - begin);
    });
  });
  return y;
}

SwigluGradients swiglu_gradients(const at::Tensor& dy, const at::Tensor& gate, const at::Tensor& up) {
  const at::Tensor dgate = at::empty_like(gate), dup = at::empty_like(up);
  with_row_type(gate, [&](auto kind) {
    using T = decltype(kind);
    at::parallel_for(0, gate.numel(), kElementGrain, [&](int64_t begin, int64_t end) {
      rows::swiglu_backward({.dy = rows_of<T>(dy) + begin,
                             .gate = rows_of<T>(gate) + begin,
                             .up = rows_of<T>(up) + begin,
                             .dgate = rows_of<T>(dgate) + begin,
                             .dup = rows_of<T>(dup) + begin},
                            end - begin);
    });
  });
  return {dgate, dup};
}

at::Tensor swiglu_composed(const at::Tensor& gate, const at::Tensor& up) {
  const at::Tensor wide = gate.to(at::kFloat);
  return (at::silu(wide) * up.to(at::kFloat)).to(gate.scalar_type());
}

at::Tensor dropout_rows(const at::Tensor& x_any, double p, uint64_t key) {
  const at::Tensor x = x_any.contiguous().cpu(), y = at::empty_like(x);
  with_row_type(x, [&](auto kind) {
    using T = decltype(kind);
    at::parallel_for(0, x.numel(), kElementGrain, [&](int64_t begin, int64_t end) {
      rows::dropout(rows_of<T>(x), rows_of<T>(y), key, static_cast<float>(p), begin, end);
    });
  });
  return y.to(x_any.device());
}

at::Tensor keyed_dropout(const at::Tensor& x, double p, uint64_t key) {
  return KeyedDropout::apply(x, p, static_cast<int64_t>(key));
}

}  // namespace keel
