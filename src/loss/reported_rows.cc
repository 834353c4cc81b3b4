#include "loss/reported_rows.h"

#include <numeric>
#include <utility>

#include "base/error.h"

namespace keel {
namespace {

void check_loss_input(const LossInput& in) {
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

at::Tensor checked_reference(const LossInput& in, const Weighting& weighting) {
  if (weighting.reference == ReferenceModel::none) return {};
  const at::Tensor& nll_N = in.reference_nll_N;
  KEEL_CHECK(nll_N.defined() && nll_N.is_cpu() && nll_N.scalar_type() == at::kFloat &&
                 nll_N.sizes() == in.labels_N.sizes(),
             "a weighting that asks for a reference model gets its loss of each row");
  return nll_N.contiguous();
}

}  // namespace

ReportedRows::ReportedRows(const LossInput& in, const Weighting& weighting, const LossOptions& options)
    : weighting_(weighting), options_(options) {
  check_loss_input(in);
  labels_N_ = in.labels_N.contiguous();
  coefficient_N_ = in.coefficient_N.contiguous();
  end_of_turn_N_ = in.end_of_turn_N.contiguous();
  reference_nll_N_ = checked_reference(in, weighting);
  nll_N_ = at::empty(labels_N_.sizes(), at::kFloat);
  entropy_N_ = at::empty_like(nll_N_);
  weight_N_ = at::empty_like(nll_N_);
  loss_.resize(static_cast<size_t>(labels_N_.size(0)));
}

RowPass ReportedRows::from(int64_t row, bool gradient) {
  return {
      .labels = labels_N_.const_data_ptr<int64_t>() + row,
      .coefficient = coefficient_N_.const_data_ptr<float>() + row,
      .end_of_turn = end_of_turn_N_.const_data_ptr<bool>() + row,
      .reference_nll = reference_nll_N_.defined() ? reference_nll_N_.const_data_ptr<float>() + row : nullptr,
      .nll = nll_N_.mutable_data_ptr<float>() + row,
      .entropy = entropy_N_.mutable_data_ptr<float>() + row,
      .weight = weight_N_.mutable_data_ptr<float>() + row,
      .loss = loss_.data() + row,
      .weighting = &weighting_,
      .options = &options_,
      .gradient = gradient};
}

double ReportedRows::sum() const { return std::accumulate(loss_.begin(), loss_.end(), 0.0); }

LossResult ReportedRows::result(at::Tensor sum) const {
  return {.sum = std::move(sum), .nll_N = nll_N_, .entropy_N = entropy_N_, .weight_N = weight_N_};
}

}  // namespace keel
