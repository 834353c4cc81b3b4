#include <ATen/Version.h>
#include <torch/version.h>

#include <fstream>
#include <thread>

#include "app/session.h"
#include "app/version.h"

namespace keel {
namespace {

std::string processor() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

}  // namespace

Json version_facts() {
  return {{"keel", kVersion},
          {"revision", kRevision},
          {"libtorch", TORCH_VERSION},
          {"cpu", processor()},
          {"cores", std::thread::hardware_concurrency()},
          {"simd", at::get_cpu_capability()}};
}

}  // namespace keel
