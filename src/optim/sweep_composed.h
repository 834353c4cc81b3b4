// The sweep made of ATen operators: for tensors of other devices than the CPU, and an oracle of the tests.
#pragma once

#include <ATen/ATen.h>

#include "optim/sweep.h"

namespace keel {

// float32, one shape, one device; parameter, first and second are written.
struct SweepTensors {
  at::Tensor parameter, gradient, first, second;
};

inline void sweep_composed(const SweepTensors& t, const SweepStep& s) {
  const at::Tensor g = t.gradient * s.gradient_scale;
  t.first.lerp_(g, s.one_minus_beta1);
  t.second.mul_(s.beta2).addcmul_(g, g, s.one_minus_beta2);
  const at::Tensor root = t.second.sqrt().mul_(s.root_scale).add_(s.epsilon);
  t.parameter.mul_(s.keep).addcdiv_(t.first, root, -s.step_size);
}

}  // namespace keel
