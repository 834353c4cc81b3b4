#include "model/recompute.h"

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

namespace keel {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using Piece = std::function<at::Tensor(const at::Tensor&)>;

struct Kept : torch::CustomClassHolder {
  explicit Kept(Piece f) : f(std::move(f)) {}
  Piece f;
};

class Recompute : public torch::autograd::Function<Recompute> {
 public:
  // anchor: a scalar that requires a gradient when f's leaves do, so that the backward pass comes here even
  // if x needs none (a frozen embedding before a trained block).
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& anchor,
                            const Piece& f) {
    (void)anchor;
    ctx->save_for_backward({x});
    ctx->saved_data["f"] = at::IValue::make_capsule(c10::make_intrusive<Kept>(f));
    ctx->saved_data["x needs gradient"] = x.requires_grad();
    return f(x);
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto capsule = ctx->saved_data["f"].toCapsule();
    const Piece& f = static_cast<const Kept&>(*capsule).f;
    const at::AutoGradMode with_grad(true);
    at::Tensor x = ctx->get_saved_variables()[0].detach();
    x.requires_grad_(ctx->saved_data["x needs gradient"].toBool());
    torch::autograd::backward({f(x)}, {grads[0]});
    return {x.grad(), {}, {}};
  }
};

}  // namespace

at::Tensor recomputed(Piece f, const at::Tensor& x, bool any_trained) {
  const at::Tensor anchor = at::empty({0}, at::kFloat).requires_grad_(any_trained);
  return Recompute::apply(x, anchor, f);
}

}  // namespace keel
