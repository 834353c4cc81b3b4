// The script that a character is written in. Scripts are not languages: Latin letters
// may be English or Vietnamese.
#pragma once

#include <cstddef>

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

Script script_of(char32_t character);  // by blocks of the Unicode standard

bool is_digit(char32_t character);  // 0–9, also full-width

// Scripts that put no blank between words: Han, Kana, Thai, Lao, Khmer, Burmese.
bool stands_alone(char32_t character);

}  // namespace keel
