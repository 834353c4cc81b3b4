#include "report/utf8.h"

#include <cstddef>
#include <cstdint>

namespace keel {
namespace {

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

// How many bytes at the start of text belong together; whole says whether they are a character.
size_t take_piece(std::string_view text, bool& whole) {
  const Lead lead = lead_of(static_cast<uint8_t>(text[0]));
  size_t n = 1;
  while (n < lead.length && n < text.size()) {
    const auto byte = static_cast<uint8_t>(text[n]);
    const uint8_t low = n == 1 ? lead.low : 0x80, high = n == 1 ? lead.high : 0xBF;
    if (byte < low || byte > high) break;
    ++n;
  }
  whole = lead.length == n;
  return n;
}

}  // namespace

std::string repair_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    bool whole = false;
    const size_t n = take_piece(text, whole);
    out += whole ? text.substr(0, n) : std::string_view("\uFFFD");
    text.remove_prefix(n);
  }
  return out;
}

}  // namespace keel
