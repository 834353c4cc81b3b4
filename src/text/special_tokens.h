// The special tokens that a model folder names, and the ids at which its generation stops.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "text/tokenizer.h"

namespace keel {

struct SpecialTokens {
  // Every "…_token" that has a text, by name ("bos_token" → "<s>"): what chat templates see.
  Json by_name = Json::object();
  // eos_token_id of generation_config.json, else of config.json: one id or a list.
  std::vector<int32_t> eos_ids;

  std::optional<std::string> bos() const { return get("bos_token"); }
  std::optional<std::string> eos() const { return get("eos_token"); }
  std::optional<std::string> pad() const { return get("pad_token"); }
  std::optional<std::string> get(const std::string& name) const;

  // eos_ids and the id of eos(), sorted, each once: where generation stops.
  std::vector<int32_t> stop_ids(const Tokenizer& tokenizer) const;
};

// From tokenizer_config.json, then (for what it lacks) special_tokens_map.json; a token is a string or an
// object with `content`, null counts as absent. Missing files are fine; broken ones are a UserError.
SpecialTokens load_special_tokens(const std::filesystem::path& dir);

}  // namespace keel
