#include "base/utf8.h"

#include <fmt/format.h>

#include <cstdint>

namespace keel {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

struct Lead {
  size_t length = 0;                // 0: this byte cannot begin a character
  uint8_t low = 0x80, high = 0xBF;  // allowed second byte; rules out overlong forms, surrogates, > U+10FFFF
};

Lead lead_of(uint8_t byte) {
  if (byte < 0x80) return {.length = 1};
  if (byte >= 0xC2 && byte <= 0xDF) return {.length = 2};
  if (byte == 0xE0) return {.length = 3, .low = 0xA0};
  if (byte == 0xED) return {.length = 3, .high = 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {.length = 3};
  if (byte == 0xF0) return {.length = 4, .low = 0x90};
  if (byte == 0xF4) return {.length = 4, .high = 0x8F};
  if (byte >= 0xF1 && byte <= 0xF3) return {.length = 4};
  return {};
}

bool controls_terminal(char32_t c) {
  if (c == U'\n' || c == U'\t') return false;
  const bool turns = c == 0x061C || (c >= 0x200E && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) ||
                     (c >= 0x2066 && c <= 0x2069);
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || turns;
}

bool continues(char c) { return (static_cast<uint8_t>(c) & 0xC0) == 0x80; }

// Ill-formed pieces become U+FFFD, characters that have a sign become that.
template <class SignOf>
std::string with_signs(std::string_view text, SignOf sign_of) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    const char32_t c = next_character(text, at);
    if (const std::string sign = sign_of(c); !sign.empty())
      out += sign;
    else if (c == kReplacement)
      out += "\uFFFD";
    else
      out += text.substr(begin, at - begin);
  }
  return out;
}

}  // namespace

char32_t next_character(std::string_view text, size_t& at) {
  const auto first = static_cast<uint8_t>(text[at++]);
  const Lead lead = lead_of(first);
  if (lead.length == 1) return first;
  char32_t code = first & (0x7FU >> lead.length);
  for (size_t i = 1; i < lead.length; ++i, ++at) {
    const uint8_t low = i == 1 ? lead.low : 0x80, high = i == 1 ? lead.high : 0xBF;
    const auto byte = at < text.size() ? static_cast<uint8_t>(text[at]) : uint8_t{0};
    if (byte < low || byte > high) return kReplacement;
    code = code << 6 | (byte & 0x3FU);
  }
  return lead.length == 0 ? kReplacement : code;
}

std::string repair_utf8(std::string_view text) {
  return with_signs(text, [](char32_t) { return std::string(); });
}

std::string for_terminal(std::string_view text) {
  return with_signs(text, [](char32_t c) {
    return controls_terminal(c) ? fmt::format("<U+{:04X}>", static_cast<uint32_t>(c)) : std::string();
  });
}

std::string_view trimmed(std::string_view text) {
  const char* blanks = " \t\r\n";
  const size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

std::string lower_ascii(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

std::string_view utf8_prefix(std::string_view text, size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && continues(text[bytes])) --bytes;
  return text.substr(0, bytes);
}

}  // namespace keel
