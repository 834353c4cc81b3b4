// {"conversations": [{"from", "value"}], "system", "tools"}; the names are ChatTags. A function_call is a
// turn of the assistant; its value is the JSON of the call.
#include <fmt/format.h>

#include "corpus/readers/reader.h"

namespace keel {
namespace {

bool knows_sharegpt(const Json& row) { return has(row, "conversations"); }

const char* role_of(const std::string& name, const ChatTags& tags) {
  if (name == tags.user || name == "user") return "user";
  if (name == tags.assistant || name == "assistant") return "assistant";
  if (name == tags.function) return "function_call";
  if (name == tags.observation || name == "tool") return "tool";
  return name == tags.system ? "system" : nullptr;
}

MaybeFault read_message(const Json& message, const std::string& path, const ChatTags& tags, Json& messages) {
  if (!message.is_object())
    return Fault{path, describe_value(message),
                 fmt::format("an object with {} and {}", tags.role, tags.content)};
  std::string name, value;
  if (auto fault = take_text(message, tags.role, path, name)) return fault;
  const char* role = role_of(name, tags);
  if (role == nullptr)
    return Fault{path + "." + tags.role, describe_value(message[tags.role]),
                 fmt::format("{}, {}, {}, {} or {}", tags.system, tags.user, tags.assistant, tags.function,
                             tags.observation)};
  if (auto fault = take_text(message, tags.content, path, value)) return fault;
  if (std::string_view(role) != "function_call") {
    add_message(messages, role, std::move(value));
    return {};
  }
  Json calls = Json::array();
  if (auto fault = take_tool_calls(message[tags.content], path + "." + tags.content, calls)) return fault;
  messages.push_back({{"role", "assistant"}, {"content", ""}, {"tool_calls", std::move(calls)}});
  return {};
}

MaybeFault read_sharegpt(const Json& row, const ChatTags& tags, Record& record) {
  const auto found = row.find("conversations");
  if (found == row.end()) return Fault{"conversations", "no such field", "a list of messages"};
  if (!found->is_array()) return Fault{"conversations", describe_value(*found), "a list of messages"};
  std::string system;
  if (auto fault = take_optional(row, "system", "", system)) return fault;
  Json messages = Json::array();
  add_message(messages, "system", std::move(system));
  for (size_t i = 0; i < found->size(); ++i) {
    if (auto fault = read_message((*found)[i], element_path("conversations", i), tags, messages))
      return fault;
  }
  if (auto fault = take_tools(row, record.tools)) return fault;
  return finish_conversation(std::move(messages), "conversations", record);
}

}  // namespace

const RowReader kShareGptReader{"sharegpt", "conversations", knows_sharegpt, read_sharegpt};

}  // namespace keel
