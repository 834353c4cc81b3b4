// The characters of UTF-8 text and the script each is written in. Scripts are not languages: Latin letters
// may be English or Vietnamese.
#pragma once

#include <cstddef>
#include <string_view>

namespace keel {

enum class Script {
  none,  // blanks, punctuation, digits, symbols
  latin,
  han,
  kana,
  hangul,
  cyrillic,
  greek,
  arabic,
  hebrew,
  devanagari,
  thai,
  other
};
inline constexpr size_t kScripts = static_cast<size_t>(Script::other) + 1;

const char* script_name(Script script);

// The character at byte `at`, which is moved behind it. Bytes that are no UTF-8 come one by one as U+FFFD.
char32_t next_character(std::string_view text, size_t& at);

Script script_of(char32_t character);  // by blocks of the Unicode standard

bool is_digit(char32_t character);  // 0–9, also full-width

// Scripts that put no blank between words: Han, Kana, Thai, Lao, Khmer, Burmese.
bool stands_alone(char32_t character);

}  // namespace keel
