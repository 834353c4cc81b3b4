// Named tensors in and out of safetensors files.
#pragma once

#include <ATen/ATen.h>

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>

namespace keel {

using TensorMap = std::map<std::string, at::Tensor>;

// Every tensor of the file, mapped (not copied): the memory is read when touched and lives as long as any
// tensor of it. The tensors are read-only by convention; clone before writing.
TensorMap load_safetensors(const std::filesystem::path& path);

struct SafetensorsFile {
  TensorMap tensors;
  std::map<std::string, std::string> metadata;
};

// The same with the header's metadata.
SafetensorsFile read_safetensors(const std::filesystem::path& path);

// Contiguous, larger elements first and then in name order (so that every tensor is aligned),
// beside-then-rename, past the system's cache. Tensors keep their dtype; those of another device are copied
// one at a time.
void save_safetensors(const std::filesystem::path& path, const TensorMap& tensors,
                      const std::map<std::string, std::string>& metadata = {{"format", "pt"}});

// Bytes of the file that save_safetensors would write; tensors without data (at::kMeta) will do.
int64_t safetensors_bytes(const TensorMap& tensors,
                          const std::map<std::string, std::string>& metadata = {{"format", "pt"}});

// What save_safetensors writes of a tensor.
class TensorBytes {
 public:
  explicit TensorBytes(const at::Tensor& tensor) : flat_(tensor.detach().cpu().contiguous()) {}
  std::span<const std::byte> bytes() const {
    return {static_cast<const std::byte*>(flat_.const_data_ptr()), flat_.nbytes()};
  }

 private:
  at::Tensor flat_;
};

}  // namespace keel
