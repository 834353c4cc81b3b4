#include "eval/nll.h"

#include <ATen/core/grad_mode.h>

#include "data/batch.h"
#include "loss/loss.h"

namespace keel {
namespace {

// Consecutive examples that fit into one forward pass; always at least one.
std::vector<const Example*> next_pack(std::span<const Example> set, size_t begin, int64_t max_tokens) {
  std::vector<const Example*> pack;
  int64_t tokens = 0;
  for (size_t i = begin; i < set.size(); ++i) {
    tokens += static_cast<int64_t>(set[i].ids.size());
    if (!pack.empty() && tokens > max_tokens) break;
    pack.push_back(&set[i]);
  }
  return pack;
}

void report_rows(const Batch& batch, const LossResult& loss,
                 const std::function<void(const RowSignals&)>& on_row) {
  const auto* rows = batch.rows_N.const_data_ptr<int64_t>();
  const auto* nll = loss.nll_N.const_data_ptr<float>();
  const auto* entropy = loss.entropy_N.const_data_ptr<float>();
  int64_t next = 0;
  for (size_t s = 0; s < batch.examples.size(); ++s) {
    const int64_t begin = batch.offsets[s];
    const auto length = static_cast<size_t>(batch.offsets[s + 1] - begin);
    RowSignals row{.example = batch.examples[s],
                   .nll = std::vector<float>(length),
                   .entropy = std::vector<float>(length)};
    for (; next < batch.supervised() && rows[next] < batch.offsets[s + 1]; ++next) {
      const auto place = static_cast<size_t>(rows[next] - begin);
      row.nll[place] = nll[next];
      row.entropy[place] = entropy[next];
    }
    on_row(row);
  }
}

}  // namespace

NllSum nll_over(CausalLM& model, std::span<const Example> set, const NllOptions& options) {
  const at::NoGradGuard no_grad;
  const LossOptions plain{.token_weighting = "none", .loss_chunk = options.loss_chunk};
  NllSum total;
  for (size_t begin = 0; begin < set.size();) {
    const auto pack = next_pack(set, begin, options.max_tokens);
    begin += pack.size();
    const Batch batch = make_batch(pack, "token");
    const at::Tensor hidden_TD = model.forward({.ids_T = batch.ids_T, .offsets = batch.offsets}, {});
    const at::Tensor rows_N = batch.rows_N.to(hidden_TD.device());
    const LossResult loss = weighted_cross_entropy({.hidden_ND = hidden_TD.index_select(0, rows_N),
                                                    .head_VD = model.head_VD(),
                                                    .labels_N = batch.labels_N,
                                                    .coefficient_N = batch.coefficient_N,
                                                    .end_of_turn_N = batch.end_of_turn_N},
                                                   plain);
    total.nll += loss.nll_N.sum(at::kDouble).item<double>();
    total.entropy += loss.entropy_N.sum(at::kDouble).item<double>();
    total.tokens += batch.supervised();
    total.rows += static_cast<int64_t>(pack.size());
    if (options.on_row) report_rows(batch, loss, options.on_row);
  }
  return total;
}

}  // namespace keel
