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

std::string path_of(std::string_view path, std::string_view key) {
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
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

// By hand: one is made for every message, and a format string would cost more than reading it.
std::string element_path(std::string_view list, size_t i) {
  std::string path(list);
  path += '[';
  path += std::to_string(i);
  path += ']';
  return path;
}

bool has(const Json& row, const char* key) { return row.contains(key); }

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

MaybeFault take_text(const Json& object, std::string_view key, std::string_view path, std::string& out) {
  const auto found = object.find(key);
  if (found == object.end()) return Fault{path_of(path, key), "no such field", "text"};
  if (!found->is_string()) return Fault{path_of(path, key), describe_value(*found), "text"};
  out = found->get_ref<const std::string&>();
  return {};
}

MaybeFault take_optional(const Json& object, std::string_view key, std::string_view path, std::string& out) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return {};
  return take_text(object, key, path, out);
}

// Field by field: an initialiser list would build and copy a list of each.
Json message_of(const char* role, std::string content) {
  Json message = Json::object();
  message.emplace("role", role);
  message.emplace("content", std::move(content));
  return message;
}

void add_message(Json& messages, const char* role, std::string content) {
  if (std::string_view(role) == "system" && is_blank(content)) return;
  messages.push_back(message_of(role, std::move(content)));
}

}  // namespace keel
