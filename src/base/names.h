// Near names for messages: "did you mean …?".
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace keel {

// Damerau–Levenshtein distance (a swap of neighbours counts one).
size_t edit_distance(std::string_view a, std::string_view b);

// The known name nearest to `name`, or "" when none is near enough to be a likely typo.
std::string nearest_name(std::string_view name, std::span<const std::string> known);

// '"name" may be meant' of the nearest one, for hints; "" when none is near enough.
std::string may_be_meant(std::string_view name, std::span<const std::string> known);

// "a, b, c" — for messages that list what is known.
std::string join(std::span<const std::string> items, std::string_view separator = ", ");

// A name out of a file as a message may show it: at most 120 bytes, control characters as '?'.
std::string printable(std::string_view name);

// Whether `text` matches a pattern in which * stands for any run of characters.
bool matches_glob(std::string_view text, std::string_view pattern);

std::vector<std::string> split(std::string_view text, char separator);  // pieces trimmed, empty ones dropped

}  // namespace keel
