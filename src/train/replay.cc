#include "train/replay.h"

#include <ATen/core/grad_mode.h>

#include <numeric>
#include <utility>

#include "base/rng.h"
#include "train/window.h"

namespace keel {
namespace {

constexpr int64_t kTokensAtATime = 2048;

ReplayBatch batch_of(const ReplaySet& set, std::span<const uint32_t> members) {
  std::vector<const Example*> examples;
  std::vector<at::Tensor> ids, log_p;
  for (const uint32_t m : members) {
    examples.push_back(&set.examples[m]);
    ids.push_back(set.targets[m].ids_NK);
    log_p.push_back(set.targets[m].log_p_NK);
  }
  return {.batch = make_batch(examples, "token"), .target = {at::cat(ids), at::cat(log_p)}};
}

std::vector<ReplayBatch> packed(const ReplaySet& set, std::span<const uint32_t> members,
                                int64_t pack_tokens) {
  std::vector<ReplayBatch> out;
  const auto length = [&](uint32_t m) { return set.examples[m].size(); };
  for (const auto& part : within_tokens(members, length, pack_tokens)) out.push_back(batch_of(set, part));
  return out;
}

}  // namespace

std::vector<ReplayBatch> Replay::batches(uint64_t update, int64_t tokens, int64_t pack_tokens) const {
  std::vector<uint32_t> order(set_.examples.size());
  std::iota(order.begin(), order.end(), 0U);
  Rng rng(seed_, "kl_replay", 0, update);
  size_t n = 0;
  for (int64_t held = 0; n < order.size() && (n == 0 || held < tokens); ++n) {
    std::swap(order[n], order[n + rng.below(order.size() - n)]);
    held += set_.examples[order[n]].size();
  }
  return packed(set_, std::span(order).first(n), pack_tokens);
}

double divergence_over(CausalLM& model, const ReplaySet& set) {
  const at::NoGradGuard no_grad;
  std::vector<uint32_t> all(set.examples.size());
  std::iota(all.begin(), all.end(), 0U);
  double sum = 0;
  int64_t tokens = 0;
  for (const ReplayBatch& part : packed(set, all, kTokensAtATime)) {
    const at::Tensor hidden_TD =
        model.forward({.ids_T = part.batch.ids_T, .offsets = part.batch.offsets}, {});
    const at::Tensor rows_N = part.batch.rows_N.to(hidden_TD.device());
    sum += divergence_from(part.target, hidden_TD.index_select(0, rows_N), model.head_VD(), kReplayChunk)
               .kl_N.sum(at::kDouble)
               .item<double>();
    tokens += part.batch.supervised();
  }
  return tokens == 0 ? 0 : sum / static_cast<double>(tokens);
}

}  // namespace keel
