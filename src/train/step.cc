#include "train/step.h"

#include <ATen/core/grad_mode.h>
#include <ATen/record_function.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace keel {
namespace {

// Micro-batches whose rows come from datasets with weighting parameters of their own go through the kernel
// once a source.
std::vector<std::pair<int32_t, at::Tensor>> rows_by_source(const Batch& batch, size_t sources) {
  std::vector<std::vector<int64_t>> picks(sources);
  for (size_t n = 0; n < batch.source_N.size(); ++n)
    picks[static_cast<size_t>(batch.source_N[n])].push_back(static_cast<int64_t>(n));
  std::vector<std::pair<int32_t, at::Tensor>> out;
  for (size_t s = 0; s < sources; ++s) {
    if (!picks[s].empty()) out.emplace_back(static_cast<int32_t>(s), at::tensor(picks[s], at::kLong));
  }
  return out;
}

LossInput select(const LossInput& all, const at::Tensor& pick) {
  return {.hidden_ND = all.hidden_ND.index_select(0, pick.to(all.hidden_ND.device())),
          .head_VD = all.head_VD,
          .labels_N = all.labels_N.index_select(0, pick),
          .coefficient_N = all.coefficient_N.index_select(0, pick),
          .end_of_turn_N = all.end_of_turn_N.index_select(0, pick),
          .reference_nll_N =
              all.reference_nll_N.defined() ? all.reference_nll_N.index_select(0, pick) : at::Tensor()};
}

// max_turn_loss: the coefficients, smaller for the turns whose mean loss is above it. The losses come from a
// pass over the head without gradient; the factors are constants. A turn lies in one micro-batch, so
// accumulation changes nothing.
at::Tensor limited_coefficients(const LossInput& in, const at::Tensor& turn_N, const LossOptions& options) {
  const at::NoGradGuard no_grad;
  const LossResult loss = weighted_cross_entropy(in, options);
  const at::Tensor loss_N = (loss.nll_N * loss.weight_N).to(at::kDouble);
  const at::Tensor none = at::zeros({turn_N.max().item<int64_t>() + 1}, at::kDouble);
  const at::Tensor sum = none.index_add(0, turn_N, loss_N);
  const at::Tensor labels = none.index_add(0, turn_N, at::ones_like(loss_N));
  const at::Tensor scale = (labels * options.max_turn_loss / sum).clamp_max(1);
  return (in.coefficient_N * scale.index_select(0, turn_N)).to(at::kFloat);
}

void backward(const at::Tensor& loss) {
  RECORD_USER_SCOPE("keel::model");
  torch::autograd::backward({loss}, {});
}

const char* named(double value) { return std::isnan(value) ? "NaN" : "infinite"; }

TeacherRows select(const TeacherRows& all, const at::Tensor& pick) {
  if (!all.hidden_ND.defined()) return {};
  return {.hidden_ND = all.hidden_ND.index_select(0, pick.to(all.hidden_ND.device())),
          .head_VD = all.head_VD};
}

}  // namespace

struct Step::Parts {
  std::vector<at::Tensor> nll, entropy, weight, teacher_kl;

  void add(const LossResult& loss) {
    nll.push_back(loss.nll_N);
    entropy.push_back(loss.entropy_N);
    weight.push_back(loss.weight_N);
  }
};

double Step::nonzero_losses(const Parts& parts) {
  return (parts.nll.back() * parts.weight.back()).count_nonzero().item<double>();
}

bool StepOutcome::finite() const { return std::isfinite(loss) && std::isfinite(grad_norm); }

at::Tensor Step::hidden(const Batch& batch, uint64_t dropout_key) {
  RECORD_USER_SCOPE("keel::model");
  const ForwardMode mode{
      .training = true, .recomputed_blocks = options_.recomputed_blocks, .dropout_key = dropout_key};
  if (batch.cached) {
    if (!prefix_) prefix_.emplace(model_);
    return prefix_->hidden_ND(batch, mode);
  }
  const at::Tensor hidden_TD =
      model_.forward({.ids_T = batch.ids_T, .offsets = batch.offsets, .below_TD = batch.below_TD}, mode);
  return hidden_TD.index_select(0, batch.rows_N.to(hidden_TD.device()));
}

at::Tensor Step::loss_of(LossInput in, const at::Tensor& turn_N, const TeacherRows& teacher,
                         const LossOptions& options, Parts& parts) const {
  if (options.max_turn_loss > 0 && turn_N.defined() && turn_N.numel() > 0)
    in.coefficient_N = limited_coefficients(in, turn_N, options);
  if (!options_.teaching.any()) {
    const LossResult loss = weighted_cross_entropy(in, options);
    parts.add(loss);
    return loss.sum;
  }
  const TaughtLoss taught = taught_cross_entropy(in, teacher, options, options_.teaching);
  parts.add(taught.loss);
  parts.teacher_kl.push_back(taught.kl_N);
  return taught.loss.sum;
}

// Larger models of a family have a few rows of padding more behind the same tokens.
TeacherRows Step::teacher_of(const Batch& batch) const {
  if (!references_.teacher) return references_.start->rows(batch);
  TeacherRows rows = teacher_rows(*references_.teacher, batch);
  rows.head_VD = rows.head_VD.narrow(0, 0, model_.vocab_size());
  return rows;
}

at::Tensor Step::forward(const Batch& batch, uint64_t dropout_key, Parts& parts) {
  // First what other models say: the graph of this one's pass may not see its weights exchanged.
  at::Tensor reference_nll_N;
  if (references_.weighting) reference_nll_N = references_.weighting->nll_N(batch, options_.loss.loss_chunk);
  TeacherRows teacher;
  if (options_.teaching.any()) teacher = teacher_of(batch);
  LossInput all = loss_input(batch, hidden(batch, dropout_key), model_.head_VD());
  all.reference_nll_N = reference_nll_N;
  if (options_.loss_by_source.empty()) return loss_of(all, batch.turn_N, teacher, options_.loss, parts);
  at::Tensor sum;
  for (const auto& [source, pick] : rows_by_source(batch, options_.loss_by_source.size())) {
    const at::Tensor turn_N = batch.turn_N.defined() ? batch.turn_N.index_select(0, pick) : at::Tensor();
    const at::Tensor part = loss_of(select(all, pick), turn_N, select(teacher, pick),
                                    options_.loss_by_source[static_cast<size_t>(source)], parts);
    sum = sum.defined() ? sum + part : part;
  }
  return sum;
}

// Returns the loss.
double Step::add_gradients(const at::Tensor& loss) {
  backward(loss);
  return loss.item<double>();
}

// Over all its tokens; leaves no gradient behind.
WindowPass Step::exact_pass(Batch window, uint64_t dropout_key) {
  window.cached.reset();
  Parts parts;
  WindowPass out{.loss = add_gradients(forward(window, dropout_key, parts) / window.denominator)};
  for (const at::Tensor& gradient : optimiser_.gradients())
    out.gradients.push_back(gradient.defined() ? gradient.clone() : at::Tensor());
  optimiser_.clear_gradients();
  return out;
}

std::string Step::fault_of(const Batch& batch, uint64_t dropout_key) {
  if (batch.supervised() == 0) return {};
  Parts parts;
  const at::Tensor loss = forward(batch, dropout_key, parts) / batch.denominator;
  const double value = loss.item<double>();
  if (!std::isfinite(value)) return std::string("loss ") + named(value);
  backward(loss);
  const double norm = optimiser_.gradient_norm();
  optimiser_.clear_gradients();
  return std::isfinite(norm) ? std::string() : std::string("gradient norm ") + named(norm);
}

// Gradients of kl_replay · (mean divergence over the replayed tokens); returns the mean.
double Step::add_replay(std::span<const ReplayBatch> replay, uint64_t dropout_key) {
  int64_t tokens = 0;
  for (const ReplayBatch& part : replay) tokens += part.batch.supervised();
  double mean = 0;
  for (const ReplayBatch& part : replay) {
    const Divergence kl = divergence_from(part.target, hidden(part.batch, dropout_key++), model_.head_VD(),
                                          options_.loss.loss_chunk);
    const at::Tensor loss = kl.sum / static_cast<double>(tokens);
    backward(loss * options_.kl_replay);
    mean += loss.item<double>();
  }
  return mean;
}

StepOutcome Step::run(std::span<const Batch> micro, const StepRates& rates, const Judge& accepts,
                      std::span<const ReplayBatch> replay) {
  // 1. One denominator, known before any forward pass.
  StepOutcome out;
  for (const Batch& b : micro) {
    out.denominator += b.denominator;
    out.tokens += b.tokens() - b.cached.value_or(0);
    out.supervised += b.supervised();
  }
  if (out.denominator <= 0)
    throw UserError({.where = "training step",
                     .found = "no trained token in the step",
                     .hint = "look at the rows: are there replies, and does the chat template render them?"});
  // 2. Forward and backward of each micro-batch.
  std::optional<WindowPass> exact;
  if (rates.against_exact) exact = exact_pass(micro.front(), rates.dropout_key);
  Parts parts;
  for (size_t i = 0; i < micro.size(); ++i) {
    if (micro[i].supervised() == 0) continue;
    const at::Tensor sum = forward(micro[i], rates.dropout_key + i, parts);
    if (options_.mean_over_nonzero) out.denominator = std::max(1.0, nonzero_losses(parts));
    out.loss += add_gradients(sum / out.denominator);
    if (micro[i].cached) prefix_->keep(micro[i]);
  }
  if (exact) out.prefix = distance_between({out.loss, optimiser_.gradients()}, *exact);
  if (!replay.empty()) out.kl = add_replay(replay, rates.dropout_key + micro.size());
  optimiser_.add_anchor_gradients();
  if (!parts.teacher_kl.empty()) out.teacher_kl = at::cat(parts.teacher_kl).mean(at::kDouble).item<double>();
  out.nll_N = at::cat(parts.nll);
  const at::Tensor weight_N = at::cat(parts.weight);
  out.nll = out.nll_N.mean(at::kDouble).item<double>();
  out.weight = weight_N.mean(at::kDouble).item<double>();
  out.zones = loss_zones(out.nll_N, weight_N);
  out.entropy = at::cat(parts.entropy).mean(at::kDouble).item<double>();
  // 3. Clip.
  out.grad_norm = optimiser_.gradient_norm();
  out.updated = out.finite() && (!accepts || accepts(out));
  if (!out.updated) {
    optimiser_.clear_gradients();
    return out;
  }
  const double limit = options_.max_grad_norm;
  const double scale = limit > 0 && out.grad_norm > limit ? limit / (out.grad_norm + 1e-6) : 1.0;
  // 4. Update.
  const double control = options_.loss.weighting_control == "scaled" ? out.weight : 1.0;
  optimiser_.step(rates.learning_rate * control, scale, rates.beta2_power);
  return out;
}

}  // namespace keel
