// What every sub-command does with its arguments: parse, print notes, answer --help.
#pragma once

#include <optional>

#include "app/commands.h"
#include "config/parse.h"

namespace keel {

// Nothing when --help was asked for and has been printed. Words: arguments that are no options; fewer than
// min_words is a UserError that shows the usage.
std::optional<ParseResult> parse_fields(const std::string& command, const std::string& usage,
                                        std::vector<FieldRef> fields, Args args, size_t min_words,
                                        size_t max_words, bool config_file = false);

template <class Options>
std::optional<ParseResult> parse_command(const std::string& command, const std::string& usage,
                                         Options& options, Args args, size_t min_words = 0,
                                         size_t max_words = 0) {
  return parse_fields(command, usage, collect_fields(options), args, min_words, max_words);
}

}  // namespace keel
