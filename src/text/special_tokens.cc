#include "text/special_tokens.h"

#include <algorithm>

#include "base/error.h"
#include "base/fs.h"

namespace keel {
namespace {

// A token's text: "…" or {"content": "…"}; nothing for null and for flags such as add_bos_token.
std::optional<std::string> token_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_object() && value.contains("content") && value["content"].is_string()) {
    return value["content"].get<std::string>();
  }
  return std::nullopt;
}

Json read_object(const fs::path& path) {
  if (!fs::exists(path)) return Json::object();
  Json value = read_json(path);
  if (!value.is_object()) {
    throw UserError({.where = path.string(), .found = "JSON that is no object", .wanted = "an object"});
  }
  return value;
}

void add_tokens(const fs::path& path, Json& by_name) {
  const Json file = read_object(path);
  for (const auto& [name, value] : file.items()) {
    if (!name.ends_with("_token") || by_name.contains(name)) continue;
    if (const auto text = token_text(value)) by_name[name] = *text;
  }
}

std::vector<int32_t> read_eos_ids(const fs::path& path) {
  const Json file = read_object(path);
  if (!file.contains("eos_token_id") || file["eos_token_id"].is_null()) return {};
  const Json& value = file["eos_token_id"];
  std::vector<int32_t> ids;
  for (const Json& id : value.is_array() ? value : Json::array({value})) {
    if (!id.is_number_integer()) {
      throw UserError({.where = path.string() + ": eos_token_id",
                       .found = id.dump(),
                       .wanted = "a token id or a list of token ids"});
    }
    ids.push_back(id.get<int32_t>());
  }
  return ids;
}

}  // namespace

std::optional<std::string> SpecialTokens::get(const std::string& name) const {
  if (!by_name.contains(name)) return std::nullopt;
  return by_name[name].get<std::string>();
}

std::vector<int32_t> SpecialTokens::stop_ids(const Tokenizer& tokenizer) const {
  std::vector<int32_t> ids = eos_ids;
  if (const auto token = eos()) {
    if (const auto id = tokenizer.token_to_id(*token)) ids.push_back(*id);
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

SpecialTokens load_special_tokens(const fs::path& dir) {
  SpecialTokens special;
  add_tokens(dir / "tokenizer_config.json", special.by_name);
  add_tokens(dir / "special_tokens_map.json", special.by_name);
  special.eos_ids = read_eos_ids(dir / "generation_config.json");
  if (special.eos_ids.empty()) special.eos_ids = read_eos_ids(dir / "config.json");
  return special;
}

}  // namespace keel
