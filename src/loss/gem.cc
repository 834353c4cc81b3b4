#include "loss/gem.h"

#include <utility>

#include "loss/head_pass.h"
#include "loss/reported_rows.h"

namespace keel {
namespace {

// Puts d loss / d logits in place of the logits; returns the loss of each row, its coefficient aside.
// ln p_y − ln p_v = z_y − z_v, so the gradient is q_v·h_v on each other word and minus their sum on the
// label.
at::Tensor gem_rows(const at::Tensor& logits_CV, const at::Tensor& label_C1, const at::Tensor& coefficient_C1,
                    const LossOptions& options, bool gradient) {
  const at::Tensor z_CV = logits_CV.to(at::kFloat);
  const at::Tensor ahead_CV = z_CV - z_CV.gather(1, label_C1);
  at::Tensor push_CV = at::softmax(z_CV / options.gem_temperature, 1);
  if (options.gem_slope > 0) push_CV = push_CV * at::sigmoid(ahead_CV * options.gem_slope);
  const at::Tensor loss_C = (push_CV * ahead_CV).sum(1, false, at::kDouble);
  if (gradient) {
    push_CV.scatter_(1, label_C1, 0.0);
    push_CV.scatter_(1, label_C1, -push_CV.sum(1, true));
    logits_CV.copy_(push_CV.mul_(coefficient_C1));
  }
  return loss_C.cpu();
}

}  // namespace

LossResult gem_loss(const LossInput& in, const LossOptions& options) {
  ReportedRows rows(in, find_weighting("none"), options);
  const at::Device device = in.hidden_ND.device();
  HeadGradients gradients =
      over_head(in.hidden_ND, in.head_VD, options.loss_chunk,
                [&](const at::Tensor& logits_CV, int64_t row, bool gradient) {
                  row_pass(logits_CV.clone(), rows.from(row, false));
                  const auto part = [&](const at::Tensor& t_N) {
                    return t_N.narrow(0, row, logits_CV.size(0)).unsqueeze(1).to(device);
                  };
                  const at::Tensor loss_C = gem_rows(logits_CV, part(rows.labels_N()),
                                                     part(rows.coefficient_N()), options, gradient);
                  for (int64_t i = 0; i < loss_C.size(0); ++i)
                    rows.loss(row + i) = rows.coefficient(row + i) * loss_C.const_data_ptr<double>()[i];
                });
  return rows.result(joined_loss(rows.sum(), in.hidden_ND, in.head_VD, std::move(gradients)));
}

}  // namespace keel
