// Copies of tensors in memory that is kept from one copy to the next: taking them stalls the training for as
// long as the bytes take to be moved.
#pragma once

#include "checkpoint/tensors.h"

namespace keel {

class TensorCopies {
 public:
  // Whether there is room for copies of these: memory of the machine and of the container is free, or they
  // were copied before.
  bool fit(const TensorMap& tensors) const;

  // Copies on the CPU, bit by bit. They share memory with those of the calls before.
  const TensorMap& take(const TensorMap& tensors);

 private:
  TensorMap copies_;
};

}  // namespace keel
