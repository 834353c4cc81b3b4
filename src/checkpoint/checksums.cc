#include "checkpoint/checksums.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/parallel.h"
#include "checkpoint/format/safetensors.h"

namespace keel {
namespace {

[[noreturn]] void fail_changed(const std::string& where) {
  throw UserError({.where = where, .found = "other bytes than were written (its XXH3 differs)"});
}

// The header and each tensor by itself: together they are all bytes of the file. held: tensors that need no
// reading. threads: as in for_each_row.
Json tensor_hashes(const fs::path& path, const TensorMap& held, size_t threads) {
  const MappedFile file(path);
  if (held.empty()) file.read_ahead();
  const SafetensorsHeader header = parse_safetensors(file.bytes(), path.string());
  std::vector<std::pair<SafetensorsEntry, std::string>> order;
  for (const auto& [name, entry] : header.tensors) order.emplace_back(entry, name);
  std::ranges::sort(order, {}, [](const auto& tensor) { return tensor.first.begin; });
  std::vector<uint64_t> hashes(order.size());
  for_each_row(order.size(), threads, [&](size_t i) {
    const auto& [entry, name] = order[i];
    const size_t begin = header.data_offset + entry.begin, end = header.data_offset + entry.end;
    if (const auto known = held.find(name); known != held.end()) {
      hashes[i] = hash64(TensorBytes(known->second).bytes());
    } else {
      hashes[i] = hash64(file.bytes().subspan(begin, end - begin));
      file.release(begin, end);
    }
  });
  Json tensors = Json::object();
  for (size_t i = 0; i < order.size(); ++i) tensors[order[i].second] = to_hex(hashes[i]);
  return {{"header", to_hex(hash64(file.bytes().first(header.data_offset)))},
          {"tensors", std::move(tensors)}};
}

void verify_tensors(const fs::path& path, const Json& expected) {
  const Json found = tensor_hashes(path, {}, 0);
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

Json entry_of(const fs::path& path, const TensorMap& held) {
  Json entry =
      path.extension() == ".safetensors" ? tensor_hashes(path, held, 1) : Json{{"xxh3", hash_file(path)}};
  entry["bytes"] = fs::file_size(path);
  return entry;
}

}  // namespace

void write_checksums(const std::filesystem::path& dir, const TensorMap& held) {
  Json files = Json::object();
  for (const fs::path& file : list_files(dir)) {
    const std::string name = file.lexically_relative(dir).string();
    if (name != kChecksums) files[name] = entry_of(file, held);
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
