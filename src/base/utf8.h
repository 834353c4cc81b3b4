// UTF-8, character by character. Text that came from outside (models, configs, folder names) need not be
// UTF-8; what Keel writes must be. An ill-formed piece reads as one U+FFFD for each maximal part that could
// have begun a character (the practice recommended in chapter 3 of the Unicode standard).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace keel {

// The character at byte `at` (below text.size()), which is moved behind it.
char32_t next_character(std::string_view text, size_t& at);

// Well-formed text comes back unchanged.
std::string repair_utf8(std::string_view text);

// What may be shown on a terminal: characters that control it or turn the direction of text become "<U+001B>"
// and the like, but line breaks and tabs stay; ill-formed pieces as in repair_utf8.
std::string for_terminal(std::string_view text);

std::string_view trimmed(std::string_view text);  // without blanks, tabs and line ends around it
std::string lower_ascii(std::string_view text);   // other letters stay as they are

// The longest beginning of well-formed text that has at most `bytes` bytes and cuts no character.
std::string_view utf8_prefix(std::string_view text, size_t bytes);

}  // namespace keel
