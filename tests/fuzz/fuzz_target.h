// The frame of a fuzz target: its one source file includes this and defines fuzz_one(), which libFuzzer calls
// with input after input. A UserError is a good end. Findings are every other exception (a failed KEEL_CHECK
// too), reports of the sanitizers, and more time or memory than run.sh allows.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fs.h"

namespace keel::fuzz {

void fuzz_one(std::string_view input);

// One of several readings of the same input: a UserError ends this one only.
template <class Work>
void attempt(Work&& work) {
  try {
    work();
  } catch (const UserError&) {
  }
}

// A file with that content, for readers that take a path. The next file of the same ending replaces it.
inline fs::path file_of(std::string_view content, const std::string& ending) {
  static const std::string stem =
      (fs::temp_directory_path() / ("keel-fuzz-" + std::to_string(::getpid()))).string();
  const fs::path path = stem + ending;
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(content.data(), static_cast<std::streamsize>(content.size()));
  return path;
}

}  // namespace keel::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  keel::fuzz::attempt([&] { keel::fuzz::fuzz_one({reinterpret_cast<const char*>(data), size}); });
  return 0;
}
