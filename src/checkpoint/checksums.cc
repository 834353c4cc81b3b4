#include "checkpoint/checksums.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"
#include "checkpoint/format/safetensors.h"

namespace keel {
namespace {

[[noreturn]] void fail_changed(const std::string& where) {
  throw UserError({.where = where, .found = "other bytes than were written (its XXH3 differs)"});
}

// The header and each tensor by itself: together they are all bytes of the file.
Json tensor_hashes(const fs::path& path) {
  const MappedFile file(path);
  const SafetensorsHeader header = parse_safetensors(file.bytes(), path.string());
  std::vector<std::pair<uint64_t, std::string>> order;
  for (const auto& [name, entry] : header.tensors) order.emplace_back(entry.begin, name);
  std::ranges::sort(order);
  Json tensors = Json::object();
  for (const auto& [begin, name] : order) {
    const uint64_t end = header.tensors.at(name).end;
    tensors[name] = to_hex(hash64(file.bytes().subspan(header.data_offset + begin, end - begin)));
    file.release(header.data_offset + end);
  }
  return {{"header", to_hex(hash64(file.bytes().first(header.data_offset)))},
          {"tensors", std::move(tensors)}};
}

void verify_tensors(const fs::path& path, const Json& expected) {
  const Json found = tensor_hashes(path);
  if (found["header"] != expected.at("header")) fail_changed(path.string() + ", its header");
  for (const auto& [name, hash] : expected.at("tensors").items())
    if (found["tensors"].at(name) != hash)
      fail_changed(fmt::format("{}, tensor \"{}\"", path.string(), name));
}

void verify_file(const fs::path& path, const Json& expected) {
  std::error_code ec;
  const auto bytes = fs::file_size(path, ec);
  if (ec) throw UserError({.where = path.string(), .found = "cannot be read: " + ec.message()});
  const auto wanted = expected.at("bytes").get<uintmax_t>();
  if (bytes != wanted)
    throw UserError({.where = path.string(),
                     .found = fmt::format("{} bytes", bytes),
                     .wanted = fmt::format("the {} bytes that were written", wanted)});
  if (expected.contains("tensors")) {
    verify_tensors(path, expected);
  } else if (hash_file(path) != expected.at("xxh3").get<std::string>()) {
    fail_changed(path.string());
  }
}

Json entry_of(const fs::path& path) {
  Json entry = path.extension() == ".safetensors" ? tensor_hashes(path) : Json{{"xxh3", hash_file(path)}};
  entry["bytes"] = fs::file_size(path);
  return entry;
}

}  // namespace

void write_checksums(const std::filesystem::path& dir) {
  Json files = Json::object();
  for (const fs::path& file : list_files(dir)) {
    const std::string name = file.lexically_relative(dir).string();
    if (name != kChecksums) files[name] = entry_of(file);
  }
  write_file(dir / kChecksums, files.dump(2) + "\n");
}

void forget_checksum(const std::filesystem::path& dir, const std::string& name) {
  Json files = read_json(dir / kChecksums);
  if (files.erase(name) > 0) write_file(dir / kChecksums, files.dump(2) + "\n");
}

void verify_checksums(const std::filesystem::path& dir, const std::vector<std::string>& needed) {
  const Json files = read_json(dir / kChecksums);
  try {
    for (const std::string& name : needed)
      if (!files.contains(name))
        throw UserError({.where = (dir / kChecksums).string(), .found = fmt::format("no {}", name)});
    for (const auto& [name, expected] : files.items()) verify_file(dir / name, expected);
  } catch (const Json::exception&) {
    throw UserError(
        {.where = (dir / kChecksums).string(), .found = "not a list of files with bytes and xxh3"});
  }
}

}  // namespace keel
