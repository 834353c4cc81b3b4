#include "config/yaml_file.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "base/error.h"
#include "config/settings.h"
#include "config/values.h"

namespace keel {
namespace {

// Depth and size are known to be sound: the node has been turned into JSON before.
class LineWalk {
 public:
  LineWalk(const std::string& path, std::map<std::string, int64_t>& lines) : path_(path), lines_(lines) {}

  void walk(const YAML::Node& node, const std::string& pointer) {
    size_t index = 0;
    for (const auto& item : node) {
      if (!node.IsMap()) {
        enter(item, item.Mark().line + 1, pointer + "/" + std::to_string(index++));
        continue;
      }
      const int64_t line = item.first.Mark().line + 1;
      const std::string key = text_of(item.first), here = pointer + "/" + key;
      if (lines_.contains(here))
        throw UserError({.where = fmt::format("{}:{}", path_, line),
                         .found = fmt::format("the key \"{}\" for the second time", key),
                         .wanted = "each key once",
                         .hint = fmt::format("the first one stands in line {}", lines_[here])});
      enter(item.second, line, here);
    }
  }

 private:
  void enter(const YAML::Node& node, int64_t line, const std::string& pointer) {
    lines_[pointer] = line;
    if (node.IsMap() || node.IsSequence()) walk(node, pointer);
  }

  const std::string& path_;
  std::map<std::string, int64_t>& lines_;
};

}  // namespace

YamlFile read_yaml_file(const std::string& path) {
  const YAML::Node node = load_yaml(path);
  const auto value = json_of(node);
  if (!value)
    throw UserError({.where = path, .found = "a value that contains itself, or far too many of them"});
  if (!value->is_object())
    throw UserError({.where = path, .found = "no map at the top level", .wanted = "lines of \"key: value\""});
  YamlFile file{.value = *value};
  LineWalk(path, file.lines).walk(node, "");
  return file;
}

}  // namespace keel
