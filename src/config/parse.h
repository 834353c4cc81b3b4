// Options from a YAML file and the command line into any component's fields. Flags win over the file. Every
// mistake is found in one go and told in one UserError.
//
//   EvalOptions options;
//   const ParseResult result = parse_options(collect_fields(options), args, {.command = "eval"});
//
// Order of meaning for a key: the table of foreign names and values (translate.h), the fields' own names and
// aliases, the table of what Keel lacks (unsupported.h), else an unknown key with the nearest known name.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fields.h"

namespace keel {

struct Setting;

struct ParseRules {
  std::string command = "train";  // for messages: "keel train --help"
  size_t max_words = 0;           // words allowed besides flags and the configuration file
  bool config_file = true;        // the first word ending in .yaml, .yml or .json is read as configuration
};

struct ParseResult {
  std::map<std::string, std::string>
      set_by;                            // name of a field -> "run.yaml:12" or "--lr"; only what the user set
  std::vector<std::string> notes;        // "ignored: …", "read as …": for the log
  std::vector<std::string> words;        // what belongs to no flag
  std::string config_file;               // "" when there was none
  bool help = false;                     // -h or --help was among the words
  std::vector<ErrorText> problems = {};  // filled by collect_options only
};

// Fills the fields. Throws UserError with all mistakes, BugError when two fields share a name.
ParseResult parse_options(const std::vector<FieldRef>& fields, const std::vector<std::string>& args,
                          const ParseRules& rules = {});

// The same, but leaves the mistakes in problems for a caller that adds checks of its own.
ParseResult collect_options(const std::vector<FieldRef>& fields, const std::vector<std::string>& args,
                            const ParseRules& rules = {});

// The same from settings that were read from somewhere else, such as a plan of runs.
ParseResult collect_settings(const std::vector<FieldRef>& fields, std::span<const Setting> settings,
                             const ParseRules& rules = {});

// Nothing for none, the problem itself for one, a numbered list for more.
void throw_problems(const std::vector<ErrorText>& problems);

}  // namespace keel
