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
  for (const auto& entry : fs::directory_iterator(dir))
    files[entry.path().filename().string()] = {{"bytes", entry.file_size()},
                                               {"xxh3", hash_file(entry.path())}};
  write_file(dir / kChecksums, files.dump(2) + "\n");
}

void verify_checksums(const std::filesystem::path& dir) {
  const Json files = read_json(dir / kChecksums);
  try {
    for (const auto& [name, expected] : files.items()) verify_file(dir / name, expected);
  } catch (const Json::exception&) {
    throw UserError(
        {.where = (dir / kChecksums).string(), .found = "not a list of files with bytes and xxh3"});
  }
}

}  // namespace keel
