#include "train/prefix.h"

#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <cmath>

#include "base/error.h"

namespace keel {
namespace {

double squares(const at::Tensor& x) { return x.defined() ? x.square().sum(at::kDouble).item<double>() : 0; }

at::Tensor difference(const at::Tensor& a, const at::Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() ? a : b;
  return a - b;
}

}  // namespace

void use_cached_prefix(std::vector<Batch>& windows) {
  int64_t tokens = 0;
  for (Batch& window : windows) {
    window.cached = tokens;
    tokens = window.tokens();
  }
}

at::Tensor PrefixCache::hidden_ND(const Batch& window, ForwardMode mode) {
  mode.behind = cache_.get();
  if (*window.cached == 0) {
    hold(0);
    const auto first = window.rows_N[0].item<int64_t>();
    const at::NoGradGuard no_grad;
    if (first > 0) forward(window, first, mode);
    hold(first);
  } else {
    KEEL_CHECK(*window.cached == held_, "a window goes on behind the one before");
  }
  const at::Tensor hidden_TD = forward(window, window.tokens(), mode);
  return hidden_TD.index_select(0, (window.rows_N - held_).to(hidden_TD.device()));
}

void PrefixCache::keep(const Batch& window) { hold(window.tokens()); }

// From behind what is held to its first `tokens`.
at::Tensor PrefixCache::forward(const Batch& window, int64_t tokens, const ForwardMode& mode) {
  return model_.forward({.ids_T = window.ids_T.slice(0, held_, tokens), .offsets = {0, tokens - held_}},
                        mode);
}

void PrefixCache::hold(int64_t tokens) {
  cache_->keep(0, tokens);
  held_ = tokens;
}

std::optional<PrefixDistance> distance_between(const WindowPass& cached, const WindowPass& exact) {
  KEEL_CHECK(cached.gradients.size() == exact.gradients.size(), "gradients of the same tensors");
  const at::NoGradGuard no_grad;
  double apart = 0, norm = 0;
  for (size_t i = 0; i < exact.gradients.size(); ++i) {
    apart += squares(difference(cached.gradients[i], exact.gradients[i]));
    norm += squares(exact.gradients[i]);
  }
  const PrefixDistance out{.loss = std::abs(cached.loss - exact.loss) / std::abs(exact.loss),
                           .gradient = std::sqrt(apart / norm)};
  return std::isfinite(out.loss) && std::isfinite(out.gradient) ? std::optional(out) : std::nullopt;
}

void add(PrefixMemory& memory, const PrefixDistance& distance) {
  memory.loss += distance.loss;
  memory.gradient += distance.gradient;
  ++memory.count;
}

std::string text_of(const PrefixMemory& m) {
  const auto n = static_cast<double>(m.count);
  return fmt::format(
      "token_batch_prefix: cached, measured against exact on {} {}: mean prefix_loss_error {:.2e}, mean "
      "prefix_gradient_error {:.2e}",
      m.count, m.count == 1 ? "window" : "windows", m.loss / n, m.gradient / n);
}

}  // namespace keel
