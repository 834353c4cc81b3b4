#include <fmt/format.h>

#include "corpus/readers/reader.h"

namespace keel {
namespace {

// What may stand after a role; "" is the beginning.
const char* wanted_after(std::string_view role) {
  if (role.empty()) return "system or user first";
  if (role == "system") return "user after system";
  if (role == "user") return "assistant after user";
  if (role == "tool") return "assistant or tool after tool";
  return "user or tool after assistant";
}

bool may_follow(std::string_view before, std::string_view role) {
  if (before.empty()) return role == "system" || role == "user";
  if (before == "system") return role == "user";
  if (before == "user") return role == "assistant";
  if (before == "tool") return role == "assistant" || role == "tool";
  return role == "user" || role == "tool";
}

bool untrained(const Json& message) { return message.contains("weight") && message["weight"] == 0.0; }

MaybeFault check_message(const Json& message, const std::string& path) {
  const auto& role = message["role"].get_ref<const std::string&>();
  const bool empty = is_blank(message["content"].get_ref<const std::string&>());
  if (empty && role == "user") return Fault{path, "an empty text", "a question"};
  if (empty && role == "assistant" && !message.contains("tool_calls") && !untrained(message))
    return Fault{path, "an empty text", "a reply"};
  return {};
}

}  // namespace

MaybeFault finish_conversation(Json messages, const std::string& field, Record& record) {
  const bool named =
      field == "messages" || field == "conversations";  // else the row has a field for each part
  std::string_view before;
  size_t replies_end = 0;
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string path = named ? element_path(field, i) : field;
    const std::string_view role = messages[i]["role"].get_ref<const std::string&>();
    if (!may_follow(before, role))
      return Fault{path,
                   before.empty() ? fmt::format("{} first", role) : fmt::format("{} after {}", role, before),
                   wanted_after(before)};
    if (auto fault = check_message(messages[i], path)) return fault;
    before = role;
    if (role == "assistant") replies_end = i + 1;
  }
  if (replies_end == 0) return Fault{field, "no reply", "a message of the assistant"};
  while (messages.size() > replies_end) messages.erase(messages.size() - 1);
  record.messages = std::move(messages);
  return {};
}

}  // namespace keel
