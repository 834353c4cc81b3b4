// JSON as the whole program uses it: key order is kept, a parse error is a UserError that names the place.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace keel {

using Json = nlohmann::ordered_json;

// where: what the text is (a path, "flag --vars"), for the message.
Json parse_json(std::string_view text, const std::string& where);
Json read_json(const std::filesystem::path& path);

// One line, no spaces, invalid UTF-8 replaced: for logs and JSONL.
std::string to_line(const Json& value);

}  // namespace keel
