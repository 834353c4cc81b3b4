#include "loss/control.h"

#include <ATen/core/grad_mode.h>

#include <span>
#include <vector>

#include "base/hash.h"
#include "base/rng.h"

namespace keel {
namespace {

LossOptions without_control(LossOptions options) {
  options.weighting_control = "none";
  return options;
}

at::Tensor weights_of(const LossInput& in, const LossOptions& options) {
  const at::NoGradGuard no_grad;
  return weighted_cross_entropy(in, without_control(options)).weight_N;
}

at::Tensor permuted(const LossInput& in, const at::Tensor& weight_N) {
  const at::Tensor labels_N = in.labels_N.contiguous();
  const at::Tensor free_M = in.end_of_turn_N.logical_not().nonzero().squeeze(1);
  std::vector<int64_t> from(free_M.data_ptr<int64_t>(), free_M.data_ptr<int64_t>() + free_M.numel());
  Rng(hash64(std::as_bytes(std::span(labels_N.data_ptr<int64_t>(), static_cast<size_t>(labels_N.numel())))),
      "permuted weights")
      .shuffle(std::span(from));
  return weight_N.index_copy(0, free_M, weight_N.index_select(0, at::tensor(from, at::kLong)));
}

}  // namespace

LossResult controlled_cross_entropy(const LossInput& in, const LossOptions& options) {
  LossOptions plain = without_control(options);
  plain.token_weighting = "none";
  LossInput controlled = in;
  at::Tensor weight_N = weights_of(in, options);
  if (options.weighting_control == "permuted") {
    weight_N = permuted(in, weight_N);
    controlled.coefficient_N = in.coefficient_N * weight_N;
  }
  LossResult out = weighted_cross_entropy(controlled, plain);
  out.weight_N = weight_N;
  return out;
}

}  // namespace keel
