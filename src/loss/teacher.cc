#include "loss/teacher.h"

#include <ATen/core/grad_mode.h>

#include <utility>

#include "base/error.h"
#include "loss/gem.h"
#include "loss/head_pass.h"
#include "loss/reported_rows.h"

namespace keel {
namespace {

struct TaughtRows {
  at::Tensor cross_entropy_C, kl_C;  // double, on the CPU
};

// label, taught: what the label's loss and the teacher's cross-entropy count in each row. With `gradient`,
// logits_CV becomes d loss / d logits = label · (p − onehot) + taught · (p − q).
TaughtRows taught_rows(const at::Tensor& logits_CV, const at::Tensor& log_p_CV, const at::Tensor& log_q_CV,
                       const at::Tensor& label_id_C1, const at::Tensor& label_C1, const at::Tensor& taught_C1,
                       bool gradient) {
  const at::Tensor q_CV = log_q_CV.exp();
  const at::Tensor kl_C = (q_CV * (log_q_CV - log_p_CV)).sum(1, false, at::kDouble);
  const at::Tensor entropy_C = -(q_CV * log_q_CV).sum(1, false, at::kDouble);
  if (gradient) {
    at::Tensor slope_CV = log_p_CV.exp().mul_(label_C1 + taught_C1);
    slope_CV.sub_(q_CV.mul_(taught_C1)).scatter_add_(1, label_id_C1, -label_C1);
    logits_CV.copy_(slope_CV);
  }
  return {.cross_entropy_C = (kl_C + entropy_C).cpu(), .kl_C = kl_C.cpu()};
}

at::Tensor teacher_log_probs(const TeacherRows& teacher, int64_t row, int64_t count) {
  return at::log_softmax(teacher.hidden_ND.narrow(0, row, count).mm(teacher.head_VD.t()), 1, at::kFloat);
}

}  // namespace

TaughtLoss taught_cross_entropy(const LossInput& in, const TeacherRows& teacher, const LossOptions& options,
                                const Teaching& teaching) {
  KEEL_CHECK(options.weighting_control == "none" && options.token_weighting != kGem,
             "a teacher goes with weightings of the label's loss only");
  KEEL_CHECK(
      teacher.hidden_ND.size(0) == in.hidden_ND.size(0) && teacher.head_VD.size(0) == in.head_VD.size(0),
      "the teacher has the model's rows and vocabulary");
  ReportedRows rows(in, find_weighting(options.token_weighting), options);
  TaughtLoss out{.loss = {}, .kl_N = at::empty({in.hidden_ND.size(0)}, at::kFloat)};
  const at::Device device = in.hidden_ND.device();
  HeadGradients gradients = over_head(
      in.hidden_ND, in.head_VD, options.loss_chunk,
      [&](const at::Tensor& logits_CV, int64_t row, bool gradient) {
        const int64_t C = logits_CV.size(0);
        const at::Tensor log_p_CV = at::log_softmax(logits_CV, 1, at::kFloat);
        row_pass(logits_CV, rows.from(row, false));
        const auto part = [&](const at::Tensor& t_N) { return t_N.narrow(0, row, C); };
        const auto column = [&](const at::Tensor& t_C) { return t_C.unsqueeze(1).to(device); };
        const at::Tensor coefficient_C = part(rows.coefficient_N()), weight_C = part(rows.weight_N());
        const at::Tensor label_C = coefficient_C * weight_C * teaching.label;
        const at::Tensor taught_C = coefficient_C * (weight_C * teaching.cross_entropy + teaching.divergence);
        const TaughtRows taught =
            taught_rows(logits_CV, log_p_CV, teacher_log_probs(teacher, row, C),
                        column(part(rows.labels_N())), column(label_C), column(taught_C), gradient);
        const at::Tensor loss_C =
            label_C * part(rows.nll_N()).to(at::kDouble) +
            coefficient_C * (weight_C * teaching.cross_entropy * taught.cross_entropy_C +
                             teaching.divergence * taught.kl_C);
        for (int64_t i = 0; i < C; ++i) rows.loss(row + i) = loss_C.const_data_ptr<double>()[i];
        part(out.kl_N).copy_(taught.kl_C);
      });
  out.loss = rows.result(joined_loss(rows.sum(), in.hidden_ND, in.head_VD, std::move(gradients)));
  return out;
}

}  // namespace keel
