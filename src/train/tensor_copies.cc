#include "train/tensor_copies.h"

#include <ATen/core/grad_mode.h>

#include "train/free_memory.h"

namespace keel {

bool TensorCopies::fit(const TensorMap& tensors) const {
  if (!copies_.empty()) return true;
  int64_t bytes = 0;
  for (const auto& [name, tensor] : tensors) bytes += static_cast<int64_t>(tensor.nbytes());
  return bytes + bytes / 4 <= free_memory();  // some room stays for the rest
}

const TensorMap& TensorCopies::take(const TensorMap& tensors) {
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : tensors) {
    at::Tensor& copy = copies_[name];
    if (!copy.defined()) copy = at::empty(tensor.sizes(), tensor.options().device(at::kCPU));
    copy.copy_(tensor);
  }
  return copies_;
}

}  // namespace keel
