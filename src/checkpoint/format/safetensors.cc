#include "checkpoint/format/safetensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/names.h"

namespace keel {
namespace {

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the limit of the reference implementation
constexpr std::array<std::pair<std::string_view, size_t>, 10> kDtypes{{{"F64", 8},
                                                                       {"F32", 4},
                                                                       {"F16", 2},
                                                                       {"BF16", 2},
                                                                       {"I64", 8},
                                                                       {"I32", 4},
                                                                       {"I16", 2},
                                                                       {"I8", 1},
                                                                       {"U8", 1},
                                                                       {"BOOL", 1}}};
constexpr const char* kDownloadAgain = "the file is damaged or was cut: download or save it again";

struct Place {
  const std::string& path;
  std::string tensor = {};
  [[noreturn]] void fail(std::string found, std::string wanted = {},
                         std::string hint = kDownloadAgain) const {
    const std::string where =
        tensor.empty() ? path : fmt::format("{}, tensor \"{}\"", path, printable(tensor));
    throw UserError(
        {.where = where, .found = std::move(found), .wanted = std::move(wanted), .hint = std::move(hint)});
  }
};

std::string known_dtypes() {
  std::vector<std::string> names;
  for (const auto& [name, size] : kDtypes) names.emplace_back(name);
  return join(names);
}

uint64_t read_length(std::span<const std::byte> file, const Place& place) {
  if (file.size() < 8)
    place.fail(fmt::format("{} bytes", file.size()), "a safetensors file, which has at least 8");
  uint64_t length = 0;
  std::memcpy(&length, file.data(), 8);
  if (length > kMaxHeaderBytes)
    place.fail(fmt::format("header length {} bytes", length), fmt::format("at most {}", kMaxHeaderBytes),
               "this is no safetensors file, or it is damaged");
  if (length > file.size() - 8)
    place.fail(fmt::format("header length {} bytes in a file of {}", length, file.size()),
               "a header that ends inside the file");
  return length;
}

// A JSON integer that is not negative; the sign matters because nlohmann would wrap it silently.
uint64_t read_count(const Json& value, const char* what, const Place& place) {
  if (!value.is_number_unsigned())
    place.fail(
        fmt::format("{}: {}", what, printable(value.dump(-1, ' ', false, Json::error_handler_t::replace))),
        "a whole number, 0 or more");
  return value.get<uint64_t>();
}

const Json& member(const Json& object, const char* key, const Place& place) {
  const auto it = object.find(key);
  if (it == object.end()) place.fail(fmt::format("no \"{}\"", key), "dtype, shape and data_offsets");
  return *it;
}

// Bytes that shape and dtype ask for; the product is checked against overflow.
uint64_t wanted_bytes(const SafetensorsEntry& entry, const Place& place) {
  uint64_t bytes = safetensors_dtype_size(entry.dtype);
  for (const int64_t side : entry.shape)
    if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(side), &bytes))
      place.fail(fmt::format("shape [{}] overflows", fmt::join(entry.shape, ", ")));
  return bytes;
}

SafetensorsEntry read_entry(const Json& value, const Place& place) {
  if (!value.is_object()) place.fail("the entry is not an object", "dtype, shape and data_offsets");
  SafetensorsEntry entry;
  const Json& dtype = member(value, "dtype", place);
  if (!dtype.is_string()) place.fail("dtype is not a string", known_dtypes());
  entry.dtype = dtype.get<std::string>();
  if (safetensors_dtype_size(entry.dtype) == 0)
    place.fail(fmt::format("dtype \"{}\"", printable(entry.dtype)), known_dtypes(),
               "save the model in one of these types");
  const Json& shape = member(value, "shape", place);
  if (!shape.is_array()) place.fail("shape is not a list", "a list of sizes");
  for (const Json& side : shape) {
    const uint64_t size = read_count(side, "shape", place);
    if (size > INT64_MAX) place.fail(fmt::format("shape: {}", size), "a size that fits 63 bits");
    entry.shape.push_back(static_cast<int64_t>(size));
  }
  const Json& offsets = member(value, "data_offsets", place);
  if (!offsets.is_array() || offsets.size() != 2) place.fail("data_offsets is not a pair", "[begin, end]");
  entry.begin = read_count(offsets[0], "data_offsets", place);
  entry.end = read_count(offsets[1], "data_offsets", place);
  return entry;
}

void check_entry(const SafetensorsEntry& entry, uint64_t data_bytes, const Place& place) {
  const uint64_t bytes = wanted_bytes(entry, place);
  if (entry.end < entry.begin || entry.end - entry.begin != bytes)
    place.fail(
        fmt::format("data_offsets [{}, {}]", entry.begin, entry.end),
        fmt::format("{} bytes for shape [{}] of {}", bytes, fmt::join(entry.shape, ", "), entry.dtype));
  if (entry.end > data_bytes)
    place.fail(fmt::format("ends at byte {} of the data, which has {}", entry.end, data_bytes));
}

std::map<std::string, std::string> read_metadata(const Json& value, const Place& place) {
  if (!value.is_object()) place.fail("__metadata__ is not an object", "names and strings");
  std::map<std::string, std::string> out;
  for (const auto& [key, text] : value.items()) {
    if (!text.is_string())
      place.fail(fmt::format("__metadata__: \"{}\" is not a string", printable(key)), "names and strings");
    out[key] = text.get<std::string>();
  }
  return out;
}

// The entries have to tile the data: a hole can hide bytes, an overlap makes one tensor change another.
void check_tiling(const SafetensorsHeader& header, uint64_t data_bytes, const Place& place) {
  std::vector<std::pair<std::pair<uint64_t, uint64_t>, const std::string*>> order;
  for (const auto& [name, entry] : header.tensors) order.push_back({{entry.begin, entry.end}, &name});
  std::sort(order.begin(), order.end());
  uint64_t at = 0;
  for (const auto& [range, name] : order) {
    const Place tensor{place.path, *name};
    if (range.first < at)
      tensor.fail(
          fmt::format("starts at byte {}, inside the tensor before it, which ends at {}", range.first, at));
    if (range.first > at) tensor.fail(fmt::format("a hole of {} bytes before it", range.first - at));
    at = range.second;
  }
  if (at != data_bytes)
    place.fail(fmt::format("{} bytes after the last tensor", data_bytes - at),
               "a file that ends with its tensors");
}

}  // namespace

size_t safetensors_dtype_size(std::string_view dtype) {
  for (const auto& [name, size] : kDtypes)
    if (name == dtype) return size;
  return 0;
}

SafetensorsHeader parse_safetensors(std::span<const std::byte> file, const std::string& where) {
  const Place place{where};
  const uint64_t length = read_length(file, place);
  const Json json = parse_json({reinterpret_cast<const char*>(file.data()) + 8, static_cast<size_t>(length)},
                               where + ", header");
  if (!json.is_object()) place.fail("the header is not a JSON object");
  SafetensorsHeader header{.tensors = {}, .metadata = {}, .data_offset = 8 + length};
  const uint64_t data_bytes = file.size() - header.data_offset;
  for (const auto& [name, value] : json.items()) {
    if (name == "__metadata__") {
      header.metadata = read_metadata(value, place);
      continue;
    }
    const Place tensor{where, name};
    SafetensorsEntry entry = read_entry(value, tensor);
    check_entry(entry, data_bytes, tensor);
    if (!header.tensors.emplace(name, std::move(entry)).second) tensor.fail("named twice");
  }
  check_tiling(header, data_bytes, place);
  return header;
}

std::string render_safetensors_header(const SafetensorsHeader& header) {
  Json json = Json::object();
  if (!header.metadata.empty()) json["__metadata__"] = header.metadata;
  for (const auto& [name, entry] : header.tensors)
    json[name] = {{"dtype", entry.dtype}, {"shape", entry.shape}, {"data_offsets", {entry.begin, entry.end}}};
  std::string text = json.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const uint64_t length = text.size();
  std::string out(8, '\0');
  std::memcpy(out.data(), &length, 8);
  return out + text;
}

}  // namespace keel
