// Causal attention of packed segments on the CPU: a block of queries of one key head at a time, on one thread
// from its scores to its gradients. What is added up over blocks is added in an order of its own, so results
// do not depend on the number of threads.
//
// Shapes: T tokens with queries, M keys (M - T of them in front of the only segment), K key heads, G query
// heads per key head, d head size; R = T·G.
#pragma once

#include <ATen/ATen.h>

#include <vector>

namespace keel {

struct AttendedHeads {
  at::Tensor q_KRd;  // row t·G + g
  at::Tensor k_KMd, v_KMd;
  std::vector<int64_t> offsets;  // of the segments among the T tokens
  int64_t window = 0;            // keys that a query sees, its own among them; 0: all

  int64_t tokens() const { return offsets.back(); }
  int64_t group() const { return q_KRd.size(1) / tokens(); }
  int64_t past() const { return k_KMd.size(1) - tokens(); }
};

struct Attended {
  at::Tensor out_TE;  // [T, K·G·d]
  at::Tensor lse_KR;  // log-sum-exp of each row's scores, fp32
};
Attended attend_blocks(const AttendedHeads& in);

struct AttendedGradients {
  at::Tensor dq_KRd, dk_KTd, dv_TE;  // of the T tokens; those in front are constants
};
AttendedGradients attend_blocks_backward(const AttendedHeads& in, const Attended& attended,
                                         const at::Tensor& dout_TE);

}  // namespace keel
