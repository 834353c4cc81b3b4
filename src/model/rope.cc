#include "model/rope.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <numbers>

#include "model/dispatch.h"

namespace keel {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Computed in fp32 and in the order of transformers: at long positions one rounding of a frequency is a
// visible angle.
at::Tensor inverse_frequency(const RopeConfig& config, int64_t head_dim) {
  const at::Tensor exponent = at::arange(0, head_dim, 2, at::kFloat) / static_cast<double>(head_dim);
  const at::Tensor plain = 1.0 / at::pow(config.theta, exponent);
  if (config.kind == RopeKind::kDefault) return plain;
  if (config.kind == RopeKind::kLinear) return plain / config.factor;
  const double old_context = static_cast<double>(config.original_max_positions);
  const at::Tensor wavelength = 2 * std::numbers::pi / plain;
  const at::Tensor smooth = (old_context / wavelength - config.low_freq_factor) /
                            (config.high_freq_factor - config.low_freq_factor);
  const at::Tensor blended = (1 - smooth) * plain / config.factor + smooth * plain;
  const at::Tensor is_long = wavelength > old_context / config.low_freq_factor;
  const at::Tensor is_short = wavelength < old_context / config.high_freq_factor;
  return at::where(is_long, plain / config.factor, at::where(is_short, plain, blended));
}

rows::HeadLayout layout_of(int64_t tokens, int64_t kv_heads, int64_t width, int64_t head_dim) {
  return {.tokens = tokens,
          .kv_heads = kv_heads,
          .group = width / (kv_heads * head_dim),
          .head_dim = head_dim,
          .first = 0,
          .last = tokens};
}

// Between token-major and head-major, by `to_heads`.
void move(const at::Tensor& from, const at::Tensor& to, rows::HeadLayout layout, const variable_list& tables,
          bool to_heads) {
  const rows::Turn turn{.cos = rows_of<float>(tables[0]),
                        .sin = rows_of<float>(tables[1]),
                        .position = tables[2].const_data_ptr<int64_t>()};
  with_row_type(from, [&](auto kind) {
    using T = decltype(kind);
    at::parallel_for(0, layout.tokens, 16, [&](int64_t begin, int64_t end) {
      rows::HeadLayout part = layout;
      part.first = begin;
      part.last = end;
      if (to_heads) {
        rows::to_heads(rows_of<T>(from), rows_of<T>(to), part, turn);
      } else {
        rows::from_heads(rows_of<T>(from), rows_of<T>(to), part, turn);
      }
    });
  });
}

// tables: cos, sin and positions.
at::Tensor to_heads(const at::Tensor& x_any, const variable_list& tables, int64_t kv_heads,
                    int64_t head_dim) {
  const at::Tensor x = x_any.contiguous();
  const rows::HeadLayout layout = layout_of(x.size(0), kv_heads, x.size(1), head_dim);
  const at::Tensor y = at::empty({kv_heads, layout.tokens * layout.group, head_dim}, x.options());
  move(x, y, layout, tables, true);
  return y;
}

class Rope : public torch::autograd::Function<Rope> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& cos,
                            const at::Tensor& sin, const at::Tensor& positions, int64_t kv_heads,
                            int64_t head_dim) {
    const variable_list tables = {cos, sin, positions};
    ctx->save_for_backward(tables);
    ctx->saved_data["width"] = x.size(1);
    return to_heads(x, tables, kv_heads, head_dim);
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list tables = ctx->get_saved_variables();
    const at::Tensor dy = grads[0].contiguous();
    const int64_t tokens = tables[2].size(0), width = ctx->saved_data["width"].toInt();
    const at::Tensor dx = at::empty({tokens, width}, dy.options());
    move(dy, dx, layout_of(tokens, dy.size(0), width, dy.size(2)), tables, false);
    return {dx, {}, {}, {}, {}, {}};
  }
};

}  // namespace

RopeTable::RopeTable(RopeConfig config, int64_t head_dim, at::Device device)
    : inverse_frequency_(inverse_frequency(config, head_dim).to(device)) {}

const RopeAngles& RopeTable::for_positions(int64_t count) {
  const int64_t have = angles_.cos_Ph.defined() ? angles_.cos_Ph.size(0) : 0;
  if (count > have) {
    const at::NoGradGuard no_grad;
    const at::Tensor position =
        at::arange(std::max<int64_t>({count, 2 * have, 256}), inverse_frequency_.options());
    const at::Tensor angle = at::outer(position, inverse_frequency_);
    angles_ = {angle.cos(), angle.sin()};
  }
  return angles_;
}

at::Tensor rope_to_heads_composed(const at::Tensor& x, const RopeAngles& angles, const Segments& segments,
                                  int64_t kv_heads, int64_t head_dim) {
  const int64_t tokens = x.size(0), half = head_dim / 2;
  const at::Tensor cos = angles.cos_Ph.index_select(0, segments.positions_T).view({tokens, 1, half});
  const at::Tensor sin = angles.sin_Ph.index_select(0, segments.positions_T).view({tokens, 1, half});
  const at::Tensor heads = x.to(at::kFloat).reshape({tokens, -1, head_dim});
  const at::Tensor a = heads.slice(-1, 0, half), b = heads.slice(-1, half);
  const at::Tensor turned = at::cat({a * cos - b * sin, b * cos + a * sin}, -1).to(x.scalar_type());
  return turned.view({tokens, kv_heads, -1, head_dim}).transpose(0, 1).reshape({kv_heads, -1, head_dim});
}

at::Tensor rope_to_heads(const at::Tensor& x, const RopeAngles& angles, const Segments& segments,
                         int64_t kv_heads, int64_t head_dim) {
  if (!x.is_cpu()) return rope_to_heads_composed(x, angles, segments, kv_heads, head_dim);
  if (!at::GradMode::is_enabled())
    return to_heads(x, {angles.cos_Ph, angles.sin_Ph, segments.positions_T}, kv_heads, head_dim);
  return Rope::apply(x, angles.cos_Ph, angles.sin_Ph, segments.positions_T, kv_heads, head_dim);
}

}  // namespace keel
