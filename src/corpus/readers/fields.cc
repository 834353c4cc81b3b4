#include <fmt/format.h>

#include "base/names.h"
#include "corpus/readers/reader.h"

namespace keel {
namespace {

// At most 40 bytes, cut at a character.
std::string shorten(const std::string& text) {
  if (text.size() <= 40) return text;
  size_t end = 40;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

std::string keys_of(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) {
    if (keys.size() == 8) {
      keys.emplace_back("…");
      break;
    }
    keys.push_back(shorten(key));
  }
  return join(keys);
}

MaybeFault text_value(const Json& value, const std::string& path, std::string& out) {
  if (!value.is_string()) return Fault{path, describe_value(value), "text"};
  out = value.get<std::string>();
  return {};
}

}  // namespace

std::string describe_value(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null:
      return "null";
    case Json::value_t::boolean:
      return value.get<bool>() ? "true" : "false";
    case Json::value_t::string: {
      const auto& text = value.get_ref<const std::string&>();
      return is_blank(text) ? "an empty text" : fmt::format("the text \"{}\"", shorten(text));
    }
    case Json::value_t::array:
      return fmt::format("a list of {}", value.size());
    case Json::value_t::object:
      return value.empty() ? "an object without fields" : fmt::format("an object with {}", keys_of(value));
    default:
      return fmt::format("the number {}", value.dump());
  }
}

bool has(const Json& row, const char* key) { return row.contains(key); }

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

MaybeFault take_text(const Json& object, const std::string& key, const std::string& path, std::string& out) {
  const auto found = object.find(key);
  if (found == object.end()) return Fault{path, "no such field", "text"};
  return text_value(*found, path, out);
}

MaybeFault take_optional(const Json& object, const std::string& key, const std::string& path,
                         std::string& out) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return {};
  return text_value(*found, path, out);
}

void add_message(Json& messages, const char* role, std::string content) {
  if (std::string_view(role) == "system" && is_blank(content)) return;
  messages.push_back({{"role", role}, {"content", std::move(content)}});
}

}  // namespace keel
