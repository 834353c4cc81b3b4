#include "gemm/leaf_gradient.h"

#include <torch/csrc/autograd/graph_task.h>

#include "gemm/gemm.h"

namespace keel {

bool takes_gradient(const at::Tensor& leaf) {
  const auto* const asked_for = torch::autograd::get_current_graph_task_exec_info();
  return leaf.is_leaf() && leaf.requires_grad() && leaf.grad_dtype() == at::kFloat && asked_for &&
         asked_for->empty();
}

at::Tensor product_gradient(const at::Tensor& leaf, const at::Tensor& a, const at::Tensor& b) {
  const bool takes = takes_gradient(leaf);
  if (takes && leaf.grad().defined()) {
    gemm_onto(leaf.grad(), a, b);
    return {};
  }
  const at::Tensor out = wide_gemm(a, b);
  if (!takes) return out;
  at::Tensor(leaf).mutable_grad() = out;
  return {};
}

at::Tensor scaled_gradient(const at::Tensor& leaf, const at::Tensor& gradient, const at::Tensor& scale) {
  const double by = scale.item<double>();
  const bool takes = takes_gradient(leaf);
  if (takes && leaf.grad().defined()) {
    at::Tensor(leaf.grad()).add_(gradient, by);
    return {};
  }
  const at::Tensor out = by == 1.0 ? gradient : at::Tensor(gradient).mul_(by);
  if (!takes) return out;
  at::Tensor(leaf).mutable_grad() = out;
  return {};
}

at::Tensor rows_gradient(const at::Tensor& leaf, const at::Tensor& ids_T, const at::Tensor& d_TD) {
  const bool takes = takes_gradient(leaf);
  const at::Tensor out = takes && leaf.grad().defined()
                             ? leaf.grad()
                             : at::zeros(leaf.sizes(), leaf.options().dtype(at::kFloat));
  at::Tensor(out).index_add_(0, ids_T, d_TD.to(at::kFloat));
  if (!takes) return out;
  at::Tensor(leaf).mutable_grad() = out;
  return {};
}

}  // namespace keel
