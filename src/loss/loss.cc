#include "loss/loss.h"

#include <numeric>
#include <utility>

#include "base/error.h"
#include "loss/control.h"
#include "loss/head_pass.h"
#include "loss/kernel.h"

namespace keel {
namespace {

void check_input(const LossInput& in) {
  const int64_t N = in.hidden_ND.size(0);
  for (const at::Tensor& t : {in.labels_N, in.coefficient_N, in.end_of_turn_N}) {
    KEEL_CHECK(t.dim() == 1 && t.size(0) == N, "labels, coefficient and end_of_turn have a value a row");
    KEEL_CHECK(t.is_cpu(), "labels, coefficient and end_of_turn lie on the CPU");
  }
  KEEL_CHECK(in.labels_N.scalar_type() == at::kLong && in.coefficient_N.scalar_type() == at::kFloat &&
                 in.end_of_turn_N.scalar_type() == at::kBool,
             "labels are int64, coefficient float32, end_of_turn bool");
  if (N == 0) return;
  KEEL_CHECK(in.labels_N.min().item<int64_t>() >= 0 && in.labels_N.max().item<int64_t>() < in.head_VD.size(0),
             "labels are ids of the vocabulary");
}

// Everything by row, in tensors that own it.
struct Rows {
  explicit Rows(const LossInput& in)
      : labels(in.labels_N.contiguous()),
        coefficient(in.coefficient_N.contiguous()),
        end_of_turn(in.end_of_turn_N.contiguous()),
        nll(at::empty(labels.sizes(), at::kFloat)),
        entropy(at::empty_like(nll)),
        weight(at::empty_like(nll)),
        loss(static_cast<size_t>(labels.size(0))) {}

  RowPass from(int64_t row) {
    return {.labels = labels.data_ptr<int64_t>() + row,
            .coefficient = coefficient.data_ptr<float>() + row,
            .end_of_turn = end_of_turn.data_ptr<bool>() + row,
            .nll = nll.data_ptr<float>() + row,
            .entropy = entropy.data_ptr<float>() + row,
            .weight = weight.data_ptr<float>() + row,
            .loss = loss.data() + row};
  }

  at::Tensor labels, coefficient, end_of_turn, nll, entropy, weight;
  std::vector<double> loss;
};

}  // namespace

LossResult weighted_cross_entropy(const LossInput& in, const LossOptions& options) {
  check_input(in);
  if (options.weighting_control != "none") return controlled_cross_entropy(in, options);
  const Weighting& weighting = find_weighting(options.token_weighting);
  Rows rows(in);
  HeadGradients gradients = over_head(in.hidden_ND, in.head_VD, options.loss_chunk,
                                      [&](const at::Tensor& logits_CV, int64_t row, bool gradient) {
                                        RowPass pass = rows.from(row);
                                        pass.weighting = &weighting;
                                        pass.options = &options;
                                        pass.gradient = gradient;
                                        row_pass(logits_CV, pass);
                                      });
  const double sum = std::accumulate(rows.loss.begin(), rows.loss.end(), 0.0);
  return {.sum = joined_loss(sum, in.hidden_ND, in.head_VD, std::move(gradients)),
          .nll_N = rows.nll,
          .entropy_N = rows.entropy,
          .weight_N = rows.weight};
}

}  // namespace keel
