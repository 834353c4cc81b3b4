#include "loss/loss.h"

#include <utility>

#include "loss/control.h"
#include "loss/gem.h"
#include "loss/head_pass.h"
#include "loss/kernel.h"
#include "loss/reported_rows.h"

namespace keel {

LossResult weighted_cross_entropy(const LossInput& in, const LossOptions& options) {
  if (options.weighting_control != "none") return controlled_cross_entropy(in, options);
  if (options.token_weighting == kGem) return gem_loss(in, options);
  const Weighting& weighting = find_weighting(options.token_weighting);
  ReportedRows rows(in, weighting, options);
  HeadGradients gradients = over_head(in.hidden_ND, in.head_VD, options.loss_chunk,
                                      [&](const at::Tensor& logits_CV, int64_t row, bool gradient) {
                                        row_pass(logits_CV, rows.from(row, gradient));
                                      });
  return rows.result(joined_loss(rows.sum(), in.hidden_ND, in.head_VD, std::move(gradients)));
}

}  // namespace keel
