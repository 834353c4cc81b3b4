// A YAML (or JSON) file as JSON that still knows its lines, for components that know no YAML.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/json.h"

namespace keel {

struct YamlFile {
  Json value;                            // an object
  std::map<std::string, int64_t> lines;  // of each value, by its JSON pointer: "/groups/0/type"
};

// UserError: no such file, not valid YAML, no map at the top, a key that stands twice in one map.
YamlFile read_yaml_file(const std::string& path);

}  // namespace keel
