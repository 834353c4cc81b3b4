#include "model/joined_linear.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "gemm/gemm.h"
#include "gemm/leaf_gradient.h"
#include "model/activation.h"
#include "model/norm.h"
#include "model/product.h"

namespace keel {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Which tensors each layer has. A node's inputs are those that there are: weight, the weight as stored, bias,
// A and B of the first layer, then of the next.
enum Slot : size_t { kWeight, kStored, kBias, kA, kB, kSlots };
struct Layout {
  std::vector<int64_t> slots;  // filled ones of all layers, in the order of the inputs: layer · kSlots + slot
  std::vector<double> scales;  // of the adapters; one a layer
  double dropout = 0;          // in front of the adapters, the same for all
  std::vector<int64_t> keys;   // of its masks; one a layer

  void keep(AutogradContext* ctx) const {
    ctx->saved_data["slots"] = slots;
    ctx->saved_data["scales"] = scales;
    ctx->saved_data["dropout"] = dropout;
    ctx->saved_data["keys"] = keys;
  }
  static Layout kept(AutogradContext* ctx) {
    return {ctx->saved_data["slots"].toIntVector(), ctx->saved_data["scales"].toDoubleVector(),
            ctx->saved_data["dropout"].toDouble(), ctx->saved_data["keys"].toIntVector()};
  }
};

struct Layers {
  variable_list tensors;
  Layout layout;

  Layers(Linears linears, const ForwardMode& mode) {
    for (const Linear* l : linears) {
      const auto first = static_cast<int64_t>(layout.scales.size() * kSlots);
      const auto add = [&](const at::Tensor& tensor, Slot slot) {
        if (!tensor.defined()) return;
        tensors.push_back(tensor);
        layout.slots.push_back(first + static_cast<int64_t>(slot));
      };
      add(l->weight_OI, kWeight);
      add(l->stored_OI, kStored);
      add(l->bias_O, kBias);
      if (l->adapter) add(l->adapter->a_rI, kA);
      if (l->adapter) add(l->adapter->b_Or, kB);
      layout.scales.push_back(l->adapter ? l->adapter->scale : 0);
      const bool drops = l->adapter && mode.training && l->adapter->dropout > 0;
      layout.keys.push_back(drops ? static_cast<int64_t>(l->adapter->dropout_key(mode)) : 0);
      if (drops) layout.dropout = l->adapter->dropout;
    }
  }
};

// Linear layers over one input, without a graph.
class Joined {
 public:
  Joined(at::TensorList given, Layout layout)
      : layout_(std::move(layout)), tensors_(layout_.scales.size() * kSlots) {
    for (size_t n = 0; n < given.size(); ++n) tensors_[static_cast<size_t>(layout_.slots[n])] = given[n];
    std::vector<at::Tensor> all;
    for (size_t i = 0; i < count(); ++i) {
      if (!a(i).defined()) continue;
      if (reads_.empty() || layout_.dropout > 0)
        reads_.push_back({.first = first_rank(i), .key = layout_.keys[i]});
      reads_.back().end = first_rank(i) + a(i).size(0);
      all.push_back(a(i));
    }
    if (!all.empty()) a_RI_ = all.size() == 1 ? all.front() : at::cat(all);
  }

  size_t count() const { return layout_.scales.size(); }

  // x·Aᵀ of all adapters side by side, [T, R]; undefined where there is none.
  at::Tensor inner(const at::Tensor& x) const {
    if (reads_.empty()) return {};
    if (reads_.size() == 1) return gemm(dropped(x, reads_.front()), a_RI_.t());
    std::vector<at::Tensor> parts;
    for (const Read& read : reads_) parts.push_back(gemm(dropped(x, read), rows_of(a_RI_, read).t()));
    return at::cat(parts, 1);
  }

  // The i-th layer's result, on top of `sum` where that is defined.
  at::Tensor result(size_t i, const at::Tensor& x, const at::Tensor& inner_TR, const at::Tensor& sum) const {
    at::Tensor y = product(x, {weight(i), at(i, kStored)}, sum.defined() ? sum : bias(i));
    if (sum.defined() && bias(i).defined()) y.add_(bias(i));
    if (a(i).defined()) gemm_onto(y, part(inner_TR, i), b(i).t(), layout_.scales[i]);
    return y;
  }

  variable_list results(const at::Tensor& x, const at::Tensor& inner_TR) const {
    variable_list out;
    for (size_t i = 0; i < count(); ++i) out.push_back(result(i, x, inner_TR, {}));
    return out;
  }

  struct Gradients {
    at::Tensor x;
    variable_list given;  // one for each tensor that was given, in fp32; undefined: not wanted
  };
  // wanted: of the n-th given tensor.
  template <class Wanted>
  Gradients gradients(variable_list dys, const at::Tensor& x, const at::Tensor& inner_TR, bool want_x,
                      Wanted wanted) const {
    Gradients out;
    const at::Tensor dinner_TR = inner_TR.defined() ? at::empty_like(inner_TR) : at::Tensor();
    for (size_t i = 0; i < count(); ++i) {
      const at::Tensor& dy = dys[i] = dys[i].contiguous();
      if (a(i).defined()) part(dinner_TR, i).copy_(gemm(dy, b(i))).mul_(layout_.scales[i]);
      if (!want_x) continue;
      if (out.x.defined()) {
        gemm_onto(out.x, dy, weight(i));
      } else {
        out.x = gemm(dy, weight(i));
      }
    }
    const at::Tensor da_RI =
        a_RI_.defined() ? at::empty(a_RI_.sizes(), a_RI_.options().dtype(at::kFloat)) : at::Tensor();
    for (const Read& read : reads_) {
      const at::Tensor d = dinner_TR.slice(1, read.first, read.end);
      gemm_into(rows_of(da_RI, read), d.t(), dropped(x, read));
      if (!want_x) continue;
      if (layout_.dropout > 0) {
        out.x.add_(dropped(gemm(d, rows_of(a_RI_, read)), read));
      } else {
        gemm_onto(out.x, d, rows_of(a_RI_, read));
      }
    }
    for (size_t n = 0; n < layout_.slots.size(); ++n) {
      const size_t i = static_cast<size_t>(layout_.slots[n]) / kSlots;
      const size_t slot = static_cast<size_t>(layout_.slots[n]) % kSlots;
      out.given.emplace_back();
      if (!wanted(n)) continue;
      if (slot == kWeight) out.given[n] = product_gradient(weight(i), dys[i].t(), x);
      if (slot == kBias) out.given[n] = dys[i].sum(0, false, at::kFloat);
      if (slot == kA) out.given[n] = da_RI.slice(0, first_rank(i), first_rank(i) + a(i).size(0));
      if (slot == kB) out.given[n] = wide_gemm(dys[i].t(), part(inner_TR, i)).mul_(layout_.scales[i]);
    }
    return out;
  }

 private:
  const at::Tensor& at(size_t i, size_t slot) const { return tensors_[i * kSlots + slot]; }
  const at::Tensor& weight(size_t i) const { return at(i, kWeight); }
  const at::Tensor& bias(size_t i) const { return at(i, kBias); }
  const at::Tensor& a(size_t i) const { return at(i, kA); }
  const at::Tensor& b(size_t i) const { return at(i, kB); }

  // Adapters that see the same numbers: all of them, or with dropout each for itself.
  struct Read {
    int64_t first = 0, end = 0;  // their rows of A
    int64_t key = 0;
  };
  at::Tensor dropped(const at::Tensor& x, const Read& read) const {
    return layout_.dropout > 0 ? dropout_rows(x, layout_.dropout, static_cast<uint64_t>(read.key)) : x;
  }
  static at::Tensor rows_of(const at::Tensor& all_RI, const Read& read) {
    return all_RI.slice(0, read.first, read.end);
  }

  int64_t first_rank(size_t i) const {
    int64_t n = 0;
    for (size_t j = 0; j < i; ++j) n += a(j).defined() ? a(j).size(0) : 0;
    return n;
  }
  at::Tensor part(const at::Tensor& all_TR, size_t i) const {
    return all_TR.slice(1, first_rank(i), first_rank(i) + a(i).size(0));
  }

  Layout layout_;
  variable_list tensors_;  // kSlots a layer, undefined where it has none
  at::Tensor a_RI_;
  std::vector<Read> reads_;
};

// A node's own tensors, then those of its layers; as gradients, with nothing for the layout and the other
// `numbers` behind them.
variable_list with_layers(variable_list own, at::TensorList layers, size_t numbers = 0) {
  own.insert(own.end(), layers.begin(), layers.end());
  own.resize(own.size() + numbers);
  return own;
}

class NormedLinears : public torch::autograd::Function<NormedLinears> {
 public:
  static variable_list forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& norm,
                               at::TensorList layers, const Layout& layout, double eps) {
    const Joined joined(layers, layout);
    const at::Tensor y = rms_norm_rows(x, norm, eps).y, inner = joined.inner(y);
    ctx->save_for_backward(with_layers({x, norm, inner}, layers));
    ctx->saved_data["eps"] = eps;
    layout.keep(ctx);
    return joined.results(y, inner);
  }

  static variable_list backward(AutogradContext* ctx, variable_list dys) {
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor &x = saved[0], &norm = saved[1], &inner = saved[2];
    const Joined joined(at::TensorList(saved).slice(3), Layout::kept(ctx));
    const bool before = ctx->needs_input_grad(0) || ctx->needs_input_grad(1);
    const Normed normed = rms_norm_rows(x, norm, ctx->saved_data["eps"].toDouble());
    const auto d = joined.gradients(dys, normed.y, inner, before,
                                    [&](size_t n) { return ctx->needs_input_grad(2 + n); });
    NormGradients own;
    if (before) own = rms_norm_gradients(d.x, x, norm, normed.rstd, ctx->needs_input_grad(1));
    return with_layers({own.dx, own.dw}, d.given, 2);
  }
};

class AddLinear : public torch::autograd::Function<AddLinear> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& residual, const at::Tensor& x,
                            at::TensorList layer, const Layout& layout) {
    const Joined joined(layer, layout);
    const at::Tensor inner = joined.inner(x);
    ctx->save_for_backward(with_layers({x, inner}, layer));
    layout.keep(ctx);
    return joined.result(0, x, inner, residual);
  }

  static variable_list backward(AutogradContext* ctx, variable_list dys) {
    const variable_list saved = ctx->get_saved_variables();
    const Joined joined(at::TensorList(saved).slice(2), Layout::kept(ctx));
    const auto d = joined.gradients(dys, saved[0], saved[1], ctx->needs_input_grad(1),
                                    [&](size_t n) { return ctx->needs_input_grad(2 + n); });
    return with_layers({dys[0], d.x}, d.given, 1);
  }
};

class AddGatedLinear : public torch::autograd::Function<AddGatedLinear> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& residual, const at::Tensor& gate,
                            const at::Tensor& up, at::TensorList layer, const Layout& layout) {
    const Joined joined(layer, layout);
    const at::Tensor x = swiglu_rows(gate, up), inner = joined.inner(x);
    ctx->save_for_backward(with_layers({gate, up, inner}, layer));
    layout.keep(ctx);
    return joined.result(0, x, inner, residual);
  }

  static variable_list backward(AutogradContext* ctx, variable_list dys) {
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor &gate = saved[0], &up = saved[1], &inner = saved[2];
    const Joined joined(at::TensorList(saved).slice(3), Layout::kept(ctx));
    const bool before = ctx->needs_input_grad(1) || ctx->needs_input_grad(2);
    const auto d = joined.gradients(dys, swiglu_rows(gate, up), inner, before,
                                    [&](size_t n) { return ctx->needs_input_grad(3 + n); });
    SwigluGradients own;
    if (before) own = swiglu_gradients(d.x, gate, up);
    return with_layers({dys[0], own.gate, own.up}, d.given, 1);
  }
};

// Without a graph: a node would cost an answer as much as a small product.
at::Tensor added(const Layers& layer, const at::Tensor& residual, const at::Tensor& x) {
  const Joined joined(layer.tensors, layer.layout);
  return joined.result(0, x, joined.inner(x), residual);
}

}  // namespace

std::vector<at::Tensor> normed_linears_composed(const at::Tensor& x, const at::Tensor& norm, double eps,
                                                Linears linears, const ForwardMode& mode) {
  const at::Tensor h = rms_norm_composed(x, norm, eps);
  std::vector<at::Tensor> out;
  for (const Linear* l : linears) out.push_back((*l)(h, mode));
  return out;
}

std::vector<at::Tensor> normed_linears(const at::Tensor& x, const at::Tensor& norm, double eps,
                                       Linears linears, const ForwardMode& mode) {
  if (!x.is_cpu()) return normed_linears_composed(x, norm, eps, linears, mode);
  const Layers layers(linears, mode);
  if (!at::GradMode::is_enabled()) {
    const Joined joined(layers.tensors, layers.layout);
    const at::Tensor y = rms_norm_rows(x, norm, eps).y;
    return joined.results(y, joined.inner(y));
  }
  return NormedLinears::apply(x, norm, at::TensorList(layers.tensors), layers.layout, eps);
}

at::Tensor add_linear(const at::Tensor& residual, const at::Tensor& x, const Linear& linear,
                      const ForwardMode& mode) {
  if (!x.is_cpu()) return residual + linear(x, mode);
  const Linear* const one = &linear;
  const Layers layer({&one, 1}, mode);
  if (!at::GradMode::is_enabled()) return added(layer, residual, x);
  return AddLinear::apply(residual, x, at::TensorList(layer.tensors), layer.layout);
}

at::Tensor add_gated_linear_composed(const at::Tensor& residual, const at::Tensor& gate, const at::Tensor& up,
                                     const Linear& linear, const ForwardMode& mode) {
  return residual + linear(swiglu_composed(gate, up), mode);
}

at::Tensor add_gated_linear(const at::Tensor& residual, const at::Tensor& gate, const at::Tensor& up,
                            const Linear& linear, const ForwardMode& mode) {
  if (!gate.is_cpu()) return add_gated_linear_composed(residual, gate, up, linear, mode);
  const Linear* const one = &linear;
  const Layers layer({&one, 1}, mode);
  if (!at::GradMode::is_enabled()) return added(layer, residual, swiglu_rows(gate, up));
  return AddGatedLinear::apply(residual, gate, up, at::TensorList(layer.tensors), layer.layout);
}

}  // namespace keel
