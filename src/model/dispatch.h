// From a tensor to the typed loops of model/rows.h.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "base/error.h"
#include "model/rows.h"

namespace keel {

template <class T>
T* rows_of(const at::Tensor& tensor) {
  return static_cast<T*>(tensor.data_ptr());
}

// Calls f with a float or a Bf16, whichever the tensor holds.
template <class F>
void with_row_type(const at::Tensor& tensor, F&& f) {
  if (tensor.scalar_type() == at::kFloat) {
    f(float{});
  } else {
    KEEL_CHECK(tensor.scalar_type() == at::kBFloat16, "own kernels take float32 and bfloat16");
    f(Bf16{});
  }
}

}  // namespace keel
