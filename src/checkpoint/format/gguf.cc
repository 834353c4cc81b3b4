#include "checkpoint/format/gguf.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>

#include "base/error.h"
#include "base/names.h"

namespace keel {
namespace {

constexpr const char* kDamaged = "the file is damaged or was cut: download it again";
constexpr const char* kConvertAgain = "convert the model again with a current converter";
constexpr int kMaxNesting = 4;
enum Kind : uint32_t { kU8, kI8, kU16, kI16, kU32, kI32, kF32, kBool, kString, kArray, kU64, kI64, kF64 };
constexpr std::array<size_t, 13> kLeastBytes{1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8};

// Reads onwards through the bytes; every read is checked.
class Cursor {
 public:
  Cursor(std::span<const std::byte> bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  template <class T>
  T read(const std::string& what) {
    need(sizeof(T), what);
    T value;
    std::memcpy(&value, bytes_.data() + at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }

  std::string_view string(const std::string& what) {
    const auto length = read<uint64_t>(what);
    need(length, what);
    const std::string_view text(reinterpret_cast<const char*>(bytes_.data()) + at_, length);
    at_ += length;
    return text;
  }

  // A count of things of at least that many bytes each; checked, so that nobody allocates for a lie.
  uint64_t count(size_t least_bytes, const std::string& what) {
    const auto count = read<uint64_t>(what);
    if (count > (bytes_.size() - at_) / least_bytes)
      fail(fmt::format("{}: {} entries, but only {} bytes are left", what, count, bytes_.size() - at_));
    return count;
  }

  size_t at() const { return at_; }

  [[noreturn]] void fail(const std::string& found, const std::string& wanted = {},
                         const std::string& hint = kDamaged) const {
    throw UserError({.where = where_, .found = found, .wanted = wanted, .hint = hint});
  }

 private:
  void need(uint64_t bytes, const std::string& what) const {
    if (bytes > bytes_.size() - at_)
      fail(fmt::format("{}: needs {} bytes at {}, the file ends at {}", what, bytes, at_, bytes_.size()));
  }

  std::span<const std::byte> bytes_;
  const std::string& where_;
  size_t at_ = 0;
};

uint32_t read_kind(Cursor& in, const std::string& what) {
  const auto kind = in.read<uint32_t>(what);
  if (kind >= kLeastBytes.size())
    in.fail(fmt::format("{}: value type {}", what, kind), "a type from 0 to 12");
  return kind;
}

int64_t read_signed(Cursor& in, uint32_t kind, const std::string& what) {
  switch (kind) {
    case kU8:
      return in.read<uint8_t>(what);
    case kI8:
      return in.read<int8_t>(what);
    case kBool:
      return in.read<uint8_t>(what) != 0;
    case kU16:
      return in.read<uint16_t>(what);
    case kI16:
      return in.read<int16_t>(what);
    case kU32:
      return in.read<uint32_t>(what);
    case kI32:
      return in.read<int32_t>(what);
    default:
      return in.read<int64_t>(what);
  }
}

double read_float(Cursor& in, uint32_t kind, const std::string& what) {
  return kind == kF32 ? in.read<float>(what) : in.read<double>(what);
}

GgufValue read_array(Cursor& in, const std::string& what, int depth);

GgufValue read_value(Cursor& in, uint32_t kind, const std::string& what, int depth) {
  switch (kind) {
    case kBool:
      return in.read<uint8_t>(what) != 0;
    case kF32:
    case kF64:
      return read_float(in, kind, what);
    case kString:
      return in.string(what);
    case kArray:
      return read_array(in, what, depth + 1);
    case kU64:
      return in.read<uint64_t>(what);
    default:
      return read_signed(in, kind, what);
  }
}

GgufValue read_array(Cursor& in, const std::string& what, int depth) {
  if (depth > kMaxNesting)
    in.fail(what + ": arrays nested too deeply", fmt::format("at most {} levels", kMaxNesting));
  const uint32_t kind = read_kind(in, what);
  const uint64_t count = in.count(kLeastBytes[kind], what);
  const auto gather = [&](auto read_one) {
    std::vector<decltype(read_one())> out;
    out.reserve(count);
    for (uint64_t i = 0; i < count; ++i) out.push_back(read_one());
    return out;
  };
  if (kind == kString) return gather([&] { return in.string(what); });
  if (kind == kF32 || kind == kF64) return gather([&] { return read_float(in, kind, what); });
  if (kind != kArray) return gather([&] { return read_signed(in, kind, what); });
  for (uint64_t i = 0; i < count; ++i) read_array(in, what, depth + 1);
  return std::monostate{};
}

void check_magic(Cursor& in) {
  std::array<char, 4> magic{};
  for (char& c : magic) c = in.read<char>("magic number");
  if (std::string_view(magic.data(), 4) != "GGUF")
    in.fail("does not start with GGUF", "a GGUF file", "check the path");
  const auto version = in.read<uint32_t>("version");
  if (version != 2 && version != 3)
    in.fail(fmt::format("GGUF version {}", version), "version 2 or 3, little-endian",
            "convert the model again");
}

struct TensorInfo {
  GgufTensor tensor;
  uint64_t offset = 0, bytes = 0;
};

// Bytes of the tensor; rows are whole blocks, and no product overflows.
uint64_t tensor_bytes(const GgufTensor& tensor, const Cursor& in, const std::string& what) {
  uint64_t values = 1, bytes = 0;
  for (const int64_t side : tensor.shape)
    if (__builtin_mul_overflow(values, static_cast<uint64_t>(side), &values))
      in.fail(fmt::format("{}: shape [{}] overflows", what, fmt::join(tensor.shape, ", ")));
  const GgufType& type = *tensor.type;
  if (static_cast<uint64_t>(tensor.shape.back()) % type.block != 0)
    in.fail(fmt::format("{}: rows of {} values", what, tensor.shape.back()),
            fmt::format("whole blocks of {} for {}", type.block, type.name));
  if (__builtin_mul_overflow(values / type.block, type.bytes, &bytes))
    in.fail(fmt::format("{}: shape [{}] overflows", what, fmt::join(tensor.shape, ", ")));
  return bytes;
}

TensorInfo read_info(Cursor& in) {
  TensorInfo info;
  info.tensor.name = std::string(in.string("a tensor's name"));
  const std::string what = fmt::format("tensor \"{}\"", printable(info.tensor.name));
  const auto sides = in.read<uint32_t>(what);
  if (sides < 1 || sides > 4) in.fail(fmt::format("{}: {} dimensions", what, sides), "1 to 4");
  for (uint32_t i = 0; i < sides; ++i) {
    const auto side = in.read<uint64_t>(what);
    if (side < 1 || side > INT64_MAX) in.fail(fmt::format("{}: a side of {}", what, side), "a positive size");
    info.tensor.shape.insert(info.tensor.shape.begin(), static_cast<int64_t>(side));
  }
  const auto type = in.read<uint32_t>(what);
  info.tensor.type = find_gguf_type(type);
  if (info.tensor.type == nullptr)
    in.fail(fmt::format("{}: {}", what, gguf_type_name(type)), known_gguf_types(),
            "take the model in another quantisation, for example Q8_0");
  info.bytes = tensor_bytes(info.tensor, in, what);
  info.offset = in.read<uint64_t>(what);
  return info;
}

void read_metadata(Cursor& in, uint64_t count, GgufFile& file) {
  for (uint64_t i = 0; i < count; ++i) {
    const std::string key(in.string("a metadata key"));
    const std::string what = fmt::format("metadata \"{}\"", printable(key));
    const uint32_t kind = read_kind(in, what);
    if (!file.metadata.emplace(key, read_value(in, kind, what, 0)).second) in.fail(what + " is there twice");
  }
}

uint64_t read_alignment(const GgufFile& file, const Cursor& in) {
  const int64_t alignment = file.find_integer("general.alignment").value_or(32);
  if (alignment < 1 || alignment > (1 << 20) || (alignment & (alignment - 1)) != 0)
    in.fail(fmt::format("general.alignment: {}", alignment), "a power of two up to 1048576");
  return static_cast<uint64_t>(alignment);
}

void place_tensors(std::vector<TensorInfo> infos, std::span<const std::byte> bytes, const Cursor& in,
                   GgufFile& file) {
  const uint64_t alignment = read_alignment(file, in);
  const uint64_t start = (in.at() + alignment - 1) / alignment * alignment;
  const uint64_t room = start < bytes.size() ? bytes.size() - start : 0;
  std::set<std::string_view> seen;
  for (TensorInfo& info : infos) {
    const std::string what = fmt::format("tensor \"{}\"", printable(info.tensor.name));
    if (!seen.insert(info.tensor.name).second) in.fail(what + " is there twice");
    if (info.offset % alignment != 0)
      in.fail(fmt::format("{}: offset {}", what, info.offset), fmt::format("a multiple of {}", alignment));
    if (info.offset > room || info.bytes > room - info.offset)
      in.fail(
          fmt::format("{}: {} bytes at {} of the data, which has {}", what, info.bytes, info.offset, room));
    info.tensor.bytes = bytes.subspan(start + info.offset, info.bytes);
  }
  seen.clear();
  for (TensorInfo& info : infos) file.tensors.push_back(std::move(info.tensor));
}

[[noreturn]] void fail_kind(const GgufFile& file, const std::string& key, const char* wanted) {
  refuse(file, fmt::format("metadata \"{}\" is of another kind", key), wanted, kConvertAgain);
}

[[noreturn]] void fail_absent(const GgufFile& file, const std::string& key) {
  refuse(file, fmt::format("no metadata \"{}\"", key), "a complete model file", kConvertAgain);
}

template <class T>
const T& list_of(const GgufFile& file, const std::string& key, const char* wanted) {
  const auto it = file.metadata.find(key);
  if (it == file.metadata.end()) fail_absent(file, key);
  if (const T* list = std::get_if<T>(&it->second)) return *list;
  fail_kind(file, key, wanted);
}

}  // namespace

void refuse(const GgufFile& file, std::string found, std::string wanted, std::string hint) {
  throw UserError(
      {.where = file.where, .found = std::move(found), .wanted = std::move(wanted), .hint = std::move(hint)});
}

std::optional<int64_t> GgufFile::find_integer(const std::string& key) const {
  const auto it = metadata.find(key);
  if (it == metadata.end()) return std::nullopt;
  if (const auto* value = std::get_if<int64_t>(&it->second)) return *value;
  if (const auto* value = std::get_if<uint64_t>(&it->second); value && *value <= INT64_MAX)
    return static_cast<int64_t>(*value);
  fail_kind(*this, key, "a whole number");
}

std::optional<double> GgufFile::find_number(const std::string& key) const {
  const auto it = metadata.find(key);
  if (it == metadata.end()) return std::nullopt;
  if (const auto* value = std::get_if<double>(&it->second)) return *value;
  return static_cast<double>(*find_integer(key));
}

std::optional<bool> GgufFile::find_flag(const std::string& key) const {
  const auto it = metadata.find(key);
  if (it == metadata.end()) return std::nullopt;
  if (const auto* value = std::get_if<bool>(&it->second)) return *value;
  fail_kind(*this, key, "true or false");
}

std::optional<std::string> GgufFile::find_text(const std::string& key) const {
  const auto it = metadata.find(key);
  if (it == metadata.end()) return std::nullopt;
  if (const auto* value = std::get_if<std::string_view>(&it->second)) return std::string(*value);
  fail_kind(*this, key, "a string");
}

int64_t GgufFile::size(const std::string& key) const {
  const auto value = find_integer(key);
  if (!value) fail_absent(*this, key);
  if (*value < 1 || *value > INT32_MAX)
    refuse(*this, fmt::format("metadata \"{}\": {}", key, *value), "a size from 1 to 2147483647", kDamaged);
  return *value;
}

std::string GgufFile::text(const std::string& key) const {
  auto value = find_text(key);
  if (!value) fail_absent(*this, key);
  return *value;
}

const std::vector<std::string_view>& GgufFile::texts(const std::string& key) const {
  return list_of<std::vector<std::string_view>>(*this, key, "a list of strings");
}

const std::vector<int64_t>& GgufFile::integers(const std::string& key) const {
  return list_of<std::vector<int64_t>>(*this, key, "a list of whole numbers");
}

const std::vector<double>& GgufFile::numbers(const std::string& key) const {
  return list_of<std::vector<double>>(*this, key, "a list of numbers");
}

const GgufTensor* GgufFile::find_tensor(std::string_view name) const {
  const auto it = std::find_if(tensors.begin(), tensors.end(), [&](const auto& t) { return t.name == name; });
  return it == tensors.end() ? nullptr : &*it;
}

GgufFile parse_gguf(std::span<const std::byte> bytes, const std::string& where) {
  Cursor in(bytes, where);
  check_magic(in);
  // The least tensor has a name's length, one side, a type and an offset; the least pair two lengths and a
  // byte.
  const uint64_t tensor_count = in.count(32, "tensor count");
  const uint64_t key_count = in.count(13, "metadata count");
  GgufFile file{.where = where, .metadata = {}, .tensors = {}};
  read_metadata(in, key_count, file);
  std::vector<TensorInfo> infos;
  for (uint64_t i = 0; i < tensor_count; ++i) infos.push_back(read_info(in));
  place_tensors(std::move(infos), bytes, in, file);
  return file;
}

}  // namespace keel
