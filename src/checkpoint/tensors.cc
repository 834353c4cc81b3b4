#include "checkpoint/tensors.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/fs.h"
#include "checkpoint/format/safetensors.h"

namespace keel {
namespace {

constexpr std::array<std::pair<const char*, at::ScalarType>, 10> kTypes{{{"F64", at::kDouble},
                                                                         {"F32", at::kFloat},
                                                                         {"F16", at::kHalf},
                                                                         {"BF16", at::kBFloat16},
                                                                         {"I64", at::kLong},
                                                                         {"I32", at::kInt},
                                                                         {"I16", at::kShort},
                                                                         {"I8", at::kChar},
                                                                         {"U8", at::kByte},
                                                                         {"BOOL", at::kBool}}};

at::ScalarType scalar_type(const std::string& dtype) {
  for (const auto& [name, type] : kTypes)
    if (dtype == name) return type;
  throw BugError("safetensors dtype " + dtype + " passed the header's check but has no tensor type");
}

std::string dtype_name(at::ScalarType type) {
  for (const auto& [name, known] : kTypes)
    if (type == known) return name;
  throw BugError(std::string("cannot save tensors of type ") + at::toString(type));
}

at::Tensor map_tensor(const MappedFile& file, const SafetensorsEntry& entry, uint64_t data_offset) {
  const at::TensorOptions options = at::TensorOptions().dtype(scalar_type(entry.dtype));
  const size_t bytes = entry.end - entry.begin;
  if (bytes == 0) return at::empty(entry.shape, options);
  const std::byte* data = file.bytes().data() + data_offset + entry.begin;
  if (reinterpret_cast<uintptr_t>(data) % safetensors_dtype_size(entry.dtype) !=
      0) {  // kernels want alignment
    at::Tensor copy = at::empty(entry.shape, options);
    std::memcpy(copy.mutable_data_ptr(), data, bytes);
    return copy;
  }
  // The deleter's copy of `file` keeps the mapping alive. The pages are mapped read-only, whatever the cast
  // says.
  return at::from_blob(
      const_cast<std::byte*>(data), entry.shape, [file](void*) {}, options);
}

std::vector<std::string> aligned_order(const TensorMap& tensors) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors) {
    KEEL_CHECK(tensor.defined(), "tensor " + name + " has no value");
    names.push_back(name);
  }
  std::stable_sort(names.begin(), names.end(), [&](const std::string& a, const std::string& b) {
    return tensors.at(a).element_size() > tensors.at(b).element_size();
  });
  return names;
}

SafetensorsHeader header_of(const TensorMap& tensors, const std::vector<std::string>& order,
                            const std::map<std::string, std::string>& metadata) {
  SafetensorsHeader header{.tensors = {}, .metadata = metadata};
  uint64_t at = 0;
  for (const std::string& name : order) {
    const at::Tensor& tensor = tensors.at(name);
    const uint64_t end = at + tensor.nbytes();
    header.tensors[name] = {
        .dtype = dtype_name(tensor.scalar_type()), .shape = tensor.sizes().vec(), .begin = at, .end = end};
    at = end;
  }
  return header;
}

}  // namespace

TensorMap load_safetensors(const std::filesystem::path& path) { return read_safetensors(path).tensors; }

SafetensorsFile read_safetensors(const std::filesystem::path& path) {
  const MappedFile file(path);
  SafetensorsHeader header = parse_safetensors(file.bytes(), path.string());
  SafetensorsFile out{.tensors = {}, .metadata = std::move(header.metadata)};
  for (const auto& [name, entry] : header.tensors)
    out.tensors.emplace(name, map_tensor(file, entry, header.data_offset));
  return out;
}

void save_safetensors(const std::filesystem::path& path, const TensorMap& tensors,
                      const std::map<std::string, std::string>& metadata) {
  const std::vector<std::string> order = aligned_order(tensors);
  PartFile file(path, PartFile::Via::disk);
  file.write(render_safetensors_header(header_of(tensors, order, metadata)));
  for (const std::string& name : order) file.write(TensorBytes(tensors.at(name)).bytes());
  file.commit();
}

int64_t safetensors_bytes(const TensorMap& tensors, const std::map<std::string, std::string>& metadata) {
  uint64_t bytes = render_safetensors_header(header_of(tensors, aligned_order(tensors), metadata)).size();
  for (const auto& [name, tensor] : tensors) bytes += tensor.nbytes();
  return static_cast<int64_t>(bytes);
}

}  // namespace keel
