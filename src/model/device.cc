#include "model/device.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <charconv>
#include <filesystem>

#include "base/error.h"

namespace keel {
namespace {

constexpr const char* kCudaLibrary = "libtorch_cuda.so";

// The index in "cuda:N"; 0 for "cuda".
int64_t index_of(const std::string& device) {
  constexpr std::string_view kPrefix = "cuda:";
  if (device == "cuda") return 0;
  int index = -1;  // c10::DeviceIndex is a signed byte
  const char* const begin = device.data() + std::min(kPrefix.size(), device.size());
  const char* const end = device.data() + device.size();
  const auto [stop, error] = std::from_chars(begin, end, index);
  if (!device.starts_with(kPrefix) || error != std::errc() || stop != end || index < 0 || index > 127)
    throw UserError({.where = "device",
                     .found = fmt::format("\"{}\"", device),
                     .wanted = "auto, cpu, cuda or cuda:N with N from 0 on"});
  return index;
}

// Why there is no CUDA to use; empty when there is. libtorch looks for its CUDA half once, so it has to be in
// the process before the first question.
std::string cuda_fault() {
  if (dlopen(kCudaLibrary, RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    const char* const reason = dlerror();
    return fmt::format("{} cannot be loaded: {}", kCudaLibrary, reason == nullptr ? "unknown" : reason);
  }
  if (!at::hasCUDA()) return fmt::format("{} brings no CUDA", kCudaLibrary);
  if (at::getNumGPUs() == 0) return "no GPU that the driver shows";
  return {};
}

at::Device cuda_device(int64_t index) {
  at::globalContext().setSDPUseCuDNN(false);  // its gradient of the queries is NaN on some GPUs
  return {at::kCUDA, static_cast<at::DeviceIndex>(index)};
}

}  // namespace

at::Device choose_device(const std::string& device) {
  if (device == "cpu") return at::kCPU;
  if (device == "auto") {
    // Opening the library takes seconds: not where there is no driver.
    const bool driver = std::filesystem::exists("/dev/nvidiactl") || std::filesystem::exists("/dev/dxg");
    return driver && cuda_fault().empty() ? cuda_device(0) : at::kCPU;
  }
  const int64_t index = index_of(device);
  if (const std::string fault = cuda_fault(); !fault.empty())
    throw UserError(
        {.where = "device",
         .found = fmt::format("{}, but {}", device, fault),
         .wanted = "an NVIDIA driver and torch 2.11 with CUDA",
         .hint = "set up on a machine that has both (./dev setup takes its torch), or device: cpu"});
  const auto count = static_cast<int64_t>(at::getNumGPUs());
  if (index >= count)
    throw UserError({.where = "device",
                     .found = fmt::format("{}, but there {} {} GPU{}", device, count == 1 ? "is" : "are",
                                          count, count == 1 ? "" : "s"),
                     .wanted = fmt::format("cuda:0 to cuda:{}", count - 1)});
  return cuda_device(index);
}

std::string device_name(at::Device device) { return device.is_cpu() ? "cpu" : device.str(); }

}  // namespace keel
