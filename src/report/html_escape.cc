#include "report/html_escape.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"

namespace keel {
namespace {

bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : repair_utf8(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        const auto byte = static_cast<unsigned char>(c);
        const bool control = (byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7F;
        out += control ? std::string_view("\uFFFD") : std::string_view(&c, 1);
    }
  }
  return out;
}

std::string shorten(std::string_view text, size_t max_characters) {
  const std::string whole = repair_utf8(text);
  size_t seen = 0, end = 0;
  for (; end < whole.size(); ++end)
    if (starts_character(whole[end]) && ++seen > max_characters) break;
  if (end == whole.size()) return whole;
  const auto left =
      std::count_if(whole.begin() + static_cast<std::ptrdiff_t>(end), whole.end(), starts_character);
  return fmt::format("{}… ({} more characters)", whole.substr(0, end), left);
}

}  // namespace keel
