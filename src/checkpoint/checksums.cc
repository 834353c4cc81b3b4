#include "checkpoint/checksums.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"

namespace keel {
namespace {

void verify_file(const fs::path& path, const Json& expected) {
  std::error_code ec;
  const auto bytes = fs::file_size(path, ec);
  if (ec) throw UserError({.where = path.string(), .found = "cannot be read: " + ec.message()});
  const auto wanted = expected.at("bytes").get<uintmax_t>();
  if (bytes != wanted)
    throw UserError({.where = path.string(),
                     .found = fmt::format("{} bytes", bytes),
                     .wanted = fmt::format("the {} bytes that were written", wanted)});
  if (hash_file(path) != expected.at("xxh3").get<std::string>())
    throw UserError({.where = path.string(), .found = "other bytes than were written (its XXH3 differs)"});
}

}  // namespace

void write_checksums(const std::filesystem::path& dir) {
  Json files = Json::object();
  for (const fs::path& file : list_files(dir)) {
    const std::string name = file.lexically_relative(dir).string();
    if (name != kChecksums) files[name] = {{"bytes", fs::file_size(file)}, {"xxh3", hash_file(file)}};
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
