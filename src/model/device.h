// Where a model computes. One program serves machines with and without a GPU: the CUDA half of libtorch is
// opened at run time, and only when a GPU is wanted.
#pragma once

#include <ATen/ATen.h>

#include <string>

namespace keel {

// device: auto (the first GPU where there is one, else the CPU), cpu, cuda or cuda:N. Call it before anything
// else asks libtorch about GPUs. UserError for another name, and where a GPU is asked for: no CUDA libtorch,
// no driver, fewer GPUs than that.
at::Device choose_device(const std::string& device);

std::string device_name(at::Device device);  // "cpu", "cuda:0"

}  // namespace keel
