#include "base/json.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/json_nesting.h"

namespace keel {
namespace {

constexpr int kDeepest = 200;  // levels; the files that people and programs write have fewer than ten

}  // namespace

Json parse_json(std::string_view text, const std::string& where) {
  if (nesting_of(text).deepest() > kDeepest)
    throw UserError({.where = where,
                     .found = "JSON with values nested deeper than " + std::to_string(kDeepest),
                     .hint = "mend or replace the file"});
  try {
    return Json::parse(text);
  } catch (const nlohmann::json::exception& e) {
    throw UserError({.where = where,
                     .found = std::string("not valid JSON: ") + e.what(),
                     .hint = "mend or replace the file"});
  }
}

Json read_json(const std::filesystem::path& path) { return parse_json(read_text(path), path.string()); }

std::string to_line(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace keel
