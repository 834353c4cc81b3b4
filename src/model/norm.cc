#include "model/norm.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "model/dispatch.h"

namespace keel {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kRowGrain = 64;  // rows a task takes; fixed, so that sums do not depend on the thread count

rows::NormShape shape_of(const at::Tensor& x, double eps) {
  const int64_t width = x.size(-1);
  return {.rows = x.numel() / width, .width = width, .eps = static_cast<float>(eps)};
}

class RmsNorm : public torch::autograd::Function<RmsNorm> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x_any, const at::Tensor& w, double eps) {
    const at::Tensor x = x_any.contiguous();
    const Normed normed = rms_norm_rows(x, w, eps);
    ctx->save_for_backward({x, w, normed.rstd});
    return normed.y;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    const NormGradients out =
        rms_norm_gradients(grads[0], saved[0], saved[1], saved[2], ctx->needs_input_grad(1));
    return {out.dx, out.dw, at::Tensor()};
  }
};

}  // namespace

Normed rms_norm_rows(const at::Tensor& x, const at::Tensor& w, double eps) {
  const at::Tensor y = at::empty_like(x);
  const rows::NormShape shape = shape_of(x, eps);
  const at::Tensor rstd = at::empty({shape.rows}, x.options().dtype(at::kFloat));
  with_row_type(x, [&](auto kind) {
    using T = decltype(kind);
    at::parallel_for(0, shape.rows, kRowGrain, [&](int64_t begin, int64_t end) {
      const int64_t at = begin * shape.width;
      rows::rms_norm(rows_of<T>(x) + at, rows_of<T>(w), rows_of<T>(y) + at, rows_of<float>(rstd) + begin,
                     {end - begin, shape.width, shape.eps});
    });
  });
  return {y, rstd};
}

NormGradients rms_norm_gradients(const at::Tensor& dy_any, const at::Tensor& x, const at::Tensor& w,
                                 const at::Tensor& rstd, bool train_w) {
  const at::Tensor dy = dy_any.contiguous();
  const rows::NormShape shape = shape_of(x, 0);
  const int64_t chunks = (shape.rows + kRowGrain - 1) / kRowGrain;
  const at::Tensor dx = at::empty_like(x);
  const at::Tensor partial = train_w ? at::zeros({chunks, shape.width}, rstd.options()) : at::Tensor();
  with_row_type(x, [&](auto kind) {
    using T = decltype(kind);
    at::parallel_for(0, chunks, 1, [&](int64_t first, int64_t last) {
      for (int64_t c = first; c < last; ++c) {
        const int64_t row = c * kRowGrain, at = row * shape.width;
        rows::rms_norm_backward({.dy = rows_of<T>(dy) + at,
                                 .x = rows_of<T>(x) + at,
                                 .w = rows_of<T>(w),
                                 .rstd = rows_of<float>(rstd) + row,
                                 .dx = rows_of<T>(dx) + at,
                                 .dw = train_w ? rows_of<float>(partial) + c * shape.width : nullptr},
                                {std::min(kRowGrain, shape.rows - row), shape.width, shape.eps});
      }
    });
  });
  return {dx, train_w ? partial.sum(0) : at::Tensor()};
}

at::Tensor rms_norm_composed(const at::Tensor& x, const at::Tensor& w, double eps) {
  const at::Tensor wide = x.to(at::kFloat);
  const at::Tensor rstd = at::rsqrt(wide.square().mean(-1, true) + eps);
  return (wide * rstd * w.to(at::kFloat)).to(x.scalar_type());
}

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& w, double eps) {
  if (!x.is_cpu()) return rms_norm_composed(x, w, eps);
  return at::GradMode::is_enabled() ? RmsNorm::apply(x, w, eps) : rms_norm_rows(x, w, eps).y;
}

}  // namespace keel
