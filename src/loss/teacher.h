// The loss of tokens that are also learned from what a second model says of them: the model as it was before
// training (methods: kl_train), or a teacher (methods: distill).
//
// Shapes as in loss.h.
#pragma once

#include "loss/loss.h"

namespace keel {

// What the teacher computes at the rows of a LossInput; no gradients. Its vocabulary is the model's.
struct TeacherRows {
  at::Tensor hidden_ND, head_VD;  // D may be the teacher's own
};

// The loss of a row is coefficient · (weight · (label · L + cross_entropy · CE) + divergence · KL), with
// CE = −Σ_v q_v ln p_v and KL = Σ_v q_v ln(q_v/p_v), q the teacher's distribution.
struct Teaching {
  double label = 1;
  double cross_entropy = 0;
  double divergence = 0;

  bool any() const { return cross_entropy > 0 || divergence > 0; }
};

struct TaughtLoss {
  LossResult loss;
  at::Tensor kl_N;  // float32 on the CPU, nats
};

// The weight comes from L, as ever, and carries no gradient. No gem, no control.
TaughtLoss taught_cross_entropy(const LossInput& input, const TeacherRows& teacher,
                                const LossOptions& options, const Teaching& teaching);

}  // namespace keel
