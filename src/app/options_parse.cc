#include "app/options_parse.h"

#include <fmt/format.h>

#include "base/log.h"
#include "config/help.h"

namespace keel {

std::optional<ParseResult> parse_fields(const std::string& command, const std::string& usage,
                                        std::vector<FieldRef> fields, Args args, size_t min_words,
                                        size_t max_words, bool config_file) {
  const std::vector<std::string> all(args.begin(), args.end());
  const ParseRules rules{.command = command, .max_words = max_words, .config_file = config_file};
  ParseResult result = collect_options(fields, all, rules);
  if (result.help) {
    fmt::print("usage: keel {} {}{}\n\n{}", command, usage, fields.empty() ? "" : " [--option value …]",
               options_help(fields));
    return std::nullopt;
  }
  if (result.words.size() < min_words)
    result.problems.push_back({.where = "keel " + command,
                               .found = "too few arguments",
                               .wanted = fmt::format("keel {} {}", command, usage)});
  throw_problems(result.problems);
  for (const std::string& note : result.notes) log_line(note);
  return result;
}

}  // namespace keel
