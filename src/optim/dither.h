// fp32 masters as the bfloat16 weights that a model computes with, or that a folder holds.
//
// Rounded to the nearest, a step below half a unit in the last place (2⁻⁹ of a weight) is not seen at all
// while masters start at bfloat16 numbers, as those of most models do. So each place of a tensor has a
// threshold of its own, at random but the same for ever: of many weights that moved by a tenth of a unit a
// tenth shows it, no weight moves by itself, and a number that bfloat16 has stays what it is.
#pragma once

#include <ATen/ATen.h>

namespace keel {

// bfloat16 of contiguous fp32 values, on their device.
at::Tensor dithered(const at::Tensor& values);

// The same made of ATen operators: for other devices than the CPU, and an oracle of the tests.
at::Tensor dithered_composed(const at::Tensor& values);

}  // namespace keel
