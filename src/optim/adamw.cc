#include "optim/adamw.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/record_function.h>

#include <cmath>
#include <utility>

#include "base/error.h"
#include "optim/dither.h"
#include "optim/sweep.h"
#include "optim/sweep_composed.h"

namespace keel {
namespace {

constexpr int64_t kBlock = 32768;  // values of one task, and of one partial sum of the norm

SweepData data_at(const at::Tensor& master, const at::Tensor& gradient, const at::Tensor& first,
                  const at::Tensor& second, int64_t begin) {
  return {.parameter = master.data_ptr<float>() + begin,
          .gradient = gradient.data_ptr<float>() + begin,
          .first = first.data_ptr<float>() + begin,
          .second = second.data_ptr<float>() + begin};
}

void add_squares(const at::Tensor& gradient, std::vector<double>& sums) {
  if (!gradient.is_cpu()) return sums.push_back(gradient.square().sum(at::kDouble).item<double>());
  const int64_t n = gradient.numel(), blocks = (n + kBlock - 1) / kBlock;
  const size_t start = sums.size();
  sums.resize(start + static_cast<size_t>(blocks));
  const float* values = gradient.data_ptr<float>();
  at::parallel_for(0, blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      const int64_t length = std::min(kBlock, n - b * kBlock);
      sums[start + static_cast<size_t>(b)] = sum_of_squares(values + b * kBlock, length);
    }
  });
}

const at::Tensor& entry(const std::map<std::string, at::Tensor>& state, const std::string& name,
                        at::IntArrayRef shape) {
  const auto found = state.find(name);
  if (found == state.end()) {
    throw UserError({.where = "optimiser state",
                     .found = "no tensor " + name,
                     .wanted = "the state of a run over the same trained tensors",
                     .hint = "resume with the model and tuning options of that run"});
  }
  if (found->second.sizes() != shape) {
    throw UserError({.where = "optimiser state",
                     .found = name + " of shape " + c10::str(found->second.sizes()),
                     .wanted = "shape " + c10::str(shape),
                     .hint = "resume with the model and tuning options of that run"});
  }
  return found->second;
}

}  // namespace

AdamW::AdamW(std::vector<OptimParameter> parameters, const OptimOptions& options) : options_(options) {
  const at::NoGradGuard no_grad;
  for (OptimParameter& parameter : parameters) {
    const at::Tensor values = parameter.tensor.detach();
    KEEL_CHECK(values.is_contiguous() && values.is_floating_point(),
               "AdamW takes contiguous tensors of numbers: " + parameter.name);
    const at::Tensor master = values.to(at::kFloat);  // shares memory when it is fp32 already
    parameter.tensor.set_grad_dtype(at::kFloat);
    slots_.push_back({.parameter = std::move(parameter),
                      .master = master,
                      .first = at::zeros_like(master),
                      .second = at::zeros_like(master)});
  }
}

at::Tensor AdamW::Slot::pending_gradient() const {
  const at::Tensor& own = parameter.tensor.grad();
  return own.defined() ? own.contiguous() : at::Tensor();
}

void AdamW::Slot::copy_master() {
  const at::ScalarType type = parameter.tensor.scalar_type();
  if (type == at::kFloat) return;
  parameter.tensor.copy_(type == at::kBFloat16 ? dithered(master) : master);
}

std::vector<at::Tensor> AdamW::gradients() const {
  std::vector<at::Tensor> out;
  for (const Slot& slot : slots_) out.push_back(slot.pending_gradient());
  return out;
}

double AdamW::gradient_norm() const {
  RECORD_USER_SCOPE("keel::optimiser");
  std::vector<double> sums;
  for (const Slot& slot : slots_) {
    const at::Tensor gradient = slot.pending_gradient();
    if (gradient.defined()) add_squares(gradient, sums);
  }
  double total = 0;
  for (const double sum : sums) total += sum;
  return std::sqrt(total);
}

void AdamW::anchor(double l2_sp, double ewc) {
  l2_sp_ = l2_sp;
  ewc_ = ewc;
  for (Slot& slot : slots_) {
    slot.start = slot.parameter.tensor.detach().clone();
    if (ewc > 0) slot.fisher = at::zeros_like(slot.master);
  }
}

void AdamW::add_to_fisher(double share) {
  const at::NoGradGuard no_grad;
  for (Slot& slot : slots_) {
    const at::Tensor gradient = slot.pending_gradient();
    if (gradient.defined()) slot.fisher.addcmul_(gradient, gradient, share);
  }
  clear_gradients();
}

void AdamW::add_anchor_gradients() {
  if (ewc_ == 0) return;
  const at::NoGradGuard no_grad;
  for (Slot& slot : slots_) {
    at::Tensor gradient = slot.pending_gradient();
    if (gradient.defined()) gradient.addcmul_(slot.fisher, slot.master - slot.start, ewc_);
  }
}

void AdamW::step(double learning_rate, double scale, double beta2_power) {
  RECORD_USER_SCOPE("keel::optimiser");
  const at::NoGradGuard no_grad;
  steps_ += 1;
  beta2_exponent_ += beta2_power;
  const double beta2 = std::pow(options_.adam_beta2, beta2_power);
  const double correction1 = 1 - std::pow(options_.adam_beta1, static_cast<double>(steps_));
  const double correction2 = 1 - std::pow(options_.adam_beta2, beta2_exponent_);
  SweepStep s{.gradient_scale = static_cast<float>(scale),
              .one_minus_beta1 = static_cast<float>(1 - options_.adam_beta1),
              .beta2 = static_cast<float>(beta2),
              .one_minus_beta2 = static_cast<float>(1 - beta2),
              .step_size = static_cast<float>(learning_rate / correction1),
              .root_scale = static_cast<float>(1 / std::sqrt(correction2)),
              .epsilon = static_cast<float>(options_.adam_epsilon)};
  for (Slot& slot : slots_) {
    const at::Tensor gradient = slot.pending_gradient();
    if (!gradient.defined()) continue;
    if (l2_sp_ > 0) slot.master.lerp_(slot.start.to(at::kFloat), learning_rate * l2_sp_);
    s.keep = static_cast<float>(slot.parameter.decay ? 1 - learning_rate * options_.weight_decay : 1);
    at::Tensor& leaf = slot.parameter.tensor;
    if (!leaf.is_cpu()) {
      sweep_composed({slot.master, gradient, slot.first, slot.second}, s);
      slot.copy_master();
      continue;
    }
    const bool copies = leaf.scalar_type() == at::kBFloat16;
    at::parallel_for(0, leaf.numel(), kBlock, [&](int64_t begin, int64_t end) {
      const SweepData data = data_at(slot.master, gradient, slot.first, slot.second, begin);
      copies ? sweep(data, static_cast<Bf16*>(leaf.data_ptr()) + begin, begin, end - begin, s)
             : sweep(data, end - begin, s);
    });
    if (!copies) slot.copy_master();
  }
  clear_gradients();
}

void AdamW::clear_gradients() {
  for (Slot& slot : slots_) slot.parameter.tensor.mutable_grad() = at::Tensor();
}

std::map<std::string, at::Tensor> AdamW::masters() const {
  std::map<std::string, at::Tensor> out;
  for (const Slot& slot : slots_) out[slot.parameter.name] = slot.master;
  return out;
}

std::map<std::string, at::Tensor> AdamW::state() const {
  std::map<std::string, at::Tensor> out;
  out["step"] = at::scalar_tensor(steps_, at::kLong);
  out["beta2_exponent"] = at::scalar_tensor(beta2_exponent_, at::kDouble);
  for (const Slot& slot : slots_) {
    out["master." + slot.parameter.name] = slot.master;
    out["exp_avg." + slot.parameter.name] = slot.first;
    out["exp_avg_sq." + slot.parameter.name] = slot.second;
  }
  return out;
}

void AdamW::load_state(const std::map<std::string, at::Tensor>& state) {
  const at::NoGradGuard no_grad;
  std::vector<std::pair<at::Tensor, at::Tensor>> copies;  // (to, from), all found before any is written
  for (Slot& slot : slots_) {
    const std::string& name = slot.parameter.name;
    copies.emplace_back(slot.master, entry(state, "master." + name, slot.master.sizes()));
    copies.emplace_back(slot.first, entry(state, "exp_avg." + name, slot.first.sizes()));
    copies.emplace_back(slot.second, entry(state, "exp_avg_sq." + name, slot.second.sizes()));
  }
  const auto steps = entry(state, "step", {}).item<int64_t>();
  const auto exponent = entry(state, "beta2_exponent", {}).item<double>();
  for (auto& [to, from] : copies) to.copy_(from);
  for (Slot& slot : slots_) slot.copy_master();
  steps_ = steps;
  beta2_exponent_ = exponent;
}

}  // namespace keel
