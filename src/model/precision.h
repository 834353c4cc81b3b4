// Which compute dtype is fast on this machine.
#pragma once

#include <ATen/ATen.h>

#include <string>

namespace keel {

struct PrecisionChoice {
  at::ScalarType dtype = at::kFloat;
  std::string reason;  // one line for the log, such as "fp32: a bf16 product takes 41 times as long here"
};

std::string precision_name(at::ScalarType compute);  // fp32 or bf16: what the option `precision` takes

// precision: auto, fp32 or bf16. auto times a small matrix product in both types (about 20 ms); on a GPU it
// is bf16.
PrecisionChoice choose_compute_dtype(const std::string& precision, at::Device device = at::kCPU);

}  // namespace keel
