// The rows of a loss as the row pass takes them, and what it tells of each.
#pragma once

#include <vector>

#include "loss/kernel.h"
#include "loss/loss.h"

namespace keel {

class ReportedRows {
 public:
  // Weighting and options outlive it.
  ReportedRows(const LossInput& input, const Weighting& weighting, const LossOptions& options);

  RowPass from(int64_t row, bool gradient);
  double& loss(int64_t row) { return loss_[static_cast<size_t>(row)]; }
  double coefficient(int64_t row) const { return coefficient_N_.const_data_ptr<float>()[row]; }
  const at::Tensor& labels_N() const { return labels_N_; }
  const at::Tensor& coefficient_N() const { return coefficient_N_; }
  const at::Tensor& nll_N() const { return nll_N_; }
  const at::Tensor& weight_N() const { return weight_N_; }

  double sum() const;  // of the losses
  LossResult result(at::Tensor sum) const;

 private:
  const Weighting& weighting_;
  const LossOptions& options_;
  at::Tensor labels_N_, coefficient_N_, end_of_turn_N_, reference_nll_N_, nll_N_, entropy_N_, weight_N_;
  std::vector<double> loss_;
};

}  // namespace keel
