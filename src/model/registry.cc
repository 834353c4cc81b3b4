#include "model/registry.h"

#include <fmt/format.h>

#include <vector>

#include "base/error.h"
#include "base/names.h"

namespace keel {

std::span<const Family> model_families() {
  static const std::vector<Family> families = {
      llama_family(),
      mistral_family(),
      qwen2_family(),
      qwen3_family(),
  };
  return families;
}

const Family& find_family(const ConfigReader& reader) {
  std::string key = "model_type";
  std::string name = reader.text("model_type", "");
  if (reader.has("architectures")) {
    const Json& listed = reader.at("architectures");
    if (!listed.is_array() || listed.size() != 1 || !listed[0].is_string()) {
      reader.refuse("architectures", "a list of one name");
    }
    key = "architectures";
    name = listed[0].get<std::string>();
  }
  std::vector<std::string> known;
  for (const Family& family : model_families()) {
    if ((key == "architectures" ? family.architecture : family.model_type) == name) return family;
    known.push_back(key == "architectures" ? family.architecture : family.model_type);
  }
  throw UserError({.where = reader.where(),
                   .found = name.empty() ? "no \"architectures\" and no \"model_type\""
                                         : fmt::format("{} \"{}\"", key, name),
                   .wanted = "one of " + join(known),
                   .hint = "docs/add-a-model.md shows how a family is added"});
}

}  // namespace keel
