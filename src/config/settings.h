// What the user wrote, before anything knows what it means: one Setting for each key of a configuration file
// and each flag of a command line. YAML nodes carry the values; a flag's value is a scalar node.
#pragma once

#include <yaml-cpp/yaml.h>

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace keel {

struct Setting {
  std::string key;    // dashes turned into underscores
  YAML::Node value;   // an alias of the node in the file
  std::string where;  // "run.yaml:12" or "--lr"
  bool from_flag = false;
  bool wins = false;  // replaces what the same source says about this field in other words
};

// Where a wrong value stands, for messages: "--lr" or "run.yaml:12: lr".
std::string place_of(const Setting& setting, const std::string& written);

// UserError with line and column when it is not valid YAML.
YAML::Node load_yaml(const std::string& path);

// Keys of the top level in file order. Throws UserError when the file cannot be read or is not a YAML map.
// JSON is read by the same reader.
std::vector<Setting> read_config_file(const std::string& path);

// What the reader of the command line must know of a key: a switch may stand alone, a list takes several
// words.
enum class FlagKind { single, boolean, list };
using FlagKindOf = std::function<FlagKind(const std::string& key)>;

struct CommandLine {
  std::vector<std::string> words;  // everything that belongs to no flag
  std::vector<Setting> settings;
  std::vector<ErrorText> problems;
  bool help = false;
};

// --key value, --key=value, --flag, --list a b c. A value may begin with one dash, not with two.
CommandLine read_command_line(const std::vector<std::string>& args, const FlagKindOf& kind_of);

bool is_config_file_name(std::string_view word);  // ends in .yaml, .yml or .json

// A node as one line of text: scalars as written, lists joined by commas, null as "". Deep nests (a node may
// even contain itself) and long lists end in "…".
std::string text_of(const YAML::Node& node);

// true/false, yes/no, on/off, 1/0 in any case; nothing for other words.
std::optional<bool> parse_bool(std::string_view text);

std::string lower(std::string_view text);

// The known name that `name` may be a slip of (at most one letter in three wrong), or "".
std::string likely_name(std::string_view name, std::span<const std::string> known);

}  // namespace keel
