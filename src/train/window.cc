#include "train/window.h"

#include <ATen/record_function.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace keel {
namespace {

Batch window(const Batch& sample, int64_t begin, int64_t end) {
  Batch out;
  const int64_t tokens = sample.rows_N[end - 1].item<int64_t>() + 1;
  out.ids_T = sample.ids_T.slice(0, 0, tokens);
  out.offsets = {0, tokens};
  out.rows_N = sample.rows_N.slice(0, begin, end);
  out.labels_N = sample.labels_N.slice(0, begin, end);
  out.end_of_turn_N = sample.end_of_turn_N.slice(0, begin, end);
  out.coefficient_N = sample.coefficient_N.slice(0, begin, end);
  out.denominator = out.coefficient_N.sum(at::kDouble).item<double>();
  out.source_N.assign(sample.source_N.begin() + begin, sample.source_N.begin() + end);
  out.examples = sample.examples;
  return out;
}

void check_single(const Batch& sample) {
  KEEL_CHECK(sample.offsets.size() == 2, "token_batch works on one sample at a time");
}

}  // namespace

std::vector<std::vector<uint32_t>> within_tokens(std::span<const uint32_t> members,
                                                 const std::function<int64_t(uint32_t)>& length,
                                                 int64_t most_tokens) {
  std::vector<std::vector<uint32_t>> parts;
  int64_t tokens = 0;
  for (const uint32_t m : members) {
    if (parts.empty() || tokens + length(m) > most_tokens) {
      parts.emplace_back();
      tokens = 0;
    }
    parts.back().push_back(m);
    tokens += length(m);
  }
  return parts;
}

std::vector<Batch> split_windows(const Batch& sample, int64_t k) {
  check_single(sample);
  std::vector<Batch> out;
  const int64_t n = sample.supervised();
  for (int64_t begin = 0; begin < n; begin += k) out.push_back(window(sample, begin, std::min(n, begin + k)));
  return out;
}

std::vector<Batch> split_windows_ytrainer(const Batch& sample, int64_t k) {
  check_single(sample);
  const Example& example = *sample.examples.front();
  const auto* rows = sample.rows_N.const_data_ptr<int64_t>();
  const int32_t last_turn = *std::ranges::max_element(example.turn);
  int64_t first = 0;
  while (first < sample.supervised() && example.turn[static_cast<size_t>(rows[first]) + 1] != last_turn)
    ++first;
  std::vector<Batch> out;
  for (int64_t begin = first; begin + k <= sample.supervised(); begin += k) {
    if (k > 1) out.push_back(window(sample, begin, begin + k - 1));
  }
  return out;
}

void share_frozen_layers(CausalLM& model, std::vector<Batch>& windows) {
  if (windows.empty()) return;
  RECORD_USER_SCOPE("keel::model");
  const Batch& last = windows.back();
  const at::Tensor below_TD = model.below({.ids_T = last.ids_T, .offsets = last.offsets});
  if (!below_TD.defined()) return;
  for (Batch& window : windows) window.below_TD = below_TD.slice(0, 0, window.tokens());
}

void TokenBatchRule::add(double window_loss) {
  if (!dynamic_) return;
  TokenBatchMemory& m = memory_;
  m.sum += window_loss;
  if (++m.count % kRuleWindow != 0) return;
  const double recent = m.sum / kRuleWindow;
  m.sum = 0;
  if (m.count == kRuleWindow) m.first = recent;
  const double ratio = recent > 0 ? std::clamp(m.first / recent, 1.0, 4.0) : 4.0;
  m.k = std::llround(static_cast<double>(base_) * ratio);
}

}  // namespace keel
