// {"messages": [{"role", "content", …}], "tools"}. A content may be a list of parts ({"type": "text",
// "text"}, also {"type": "text" | "reasoning" | "tool_call", "value"}). Whether a reply is trained: weight (a
// number), loss_weight, or train / training (true, false).
#include <fmt/format.h>

#include <string>

#include "corpus/readers/reader.h"

namespace keel {
namespace {

bool knows_openai(const Json& row) { return has(row, "messages"); }

const char* role_of(const std::string& name) {
  if (name == "system" || name == "developer") return "system";
  if (name == "user") return "user";
  if (name == "assistant") return "assistant";
  return name == "tool" || name == "function" ? "tool" : nullptr;
}

struct Parts {
  std::string text, reasoning;
  Json calls = Json::array();
};

MaybeFault add_part(const Json& part, const std::string& path, Parts& out) {
  std::string type, value;
  if (!part.is_object()) return Fault{path, describe_value(part), "a part with type and text"};
  if (auto fault = take_text(part, "type", path, type)) return fault;
  if (type == "tool_call" || type == "tool_calls")
    return take_tool_calls(part.value("value", Json()), path + ".value", out.calls);
  if (type != "text" && type != "reasoning")
    return Fault{path + ".type", fmt::format("a part of type {}", type), "text"};
  const char* key = part.contains("value") ? "value" : "text";
  if (auto fault = take_text(part, key, path, value)) return fault;
  (type == "text" ? out.text : out.reasoning) += value;
  return {};
}

MaybeFault take_content(const Json& message, const std::string& path, bool may_lack, Parts& out) {
  const auto content = message.find("content");
  if (content == message.end() || content->is_null()) {
    if (may_lack) return {};
    return Fault{path + ".content", content == message.end() ? "no such field" : "null", "text"};
  }
  if (content->is_string()) {
    out.text = content->get<std::string>();
    return {};
  }
  if (!content->is_array()) return Fault{path + ".content", describe_value(*content), "text"};
  for (size_t i = 0; i < content->size(); ++i) {
    if (auto fault = add_part((*content)[i], fmt::format("{}.content[{}]", path, i), out)) return fault;
  }
  return {};
}

MaybeFault take_weight(const Json& message, const std::string& path, Json& made) {
  for (const char* key : {"weight", "loss_weight", "train", "training"}) {
    const auto found = message.find(key);
    if (found == message.end() || found->is_null()) continue;
    if (!found->is_number() && !found->is_boolean())
      return Fault{path + "." + key, describe_value(*found), "a number, true or false"};
    const double weight = found->is_boolean() ? (found->get<bool>() ? 1.0 : 0.0) : found->get<double>();
    if (!(weight >= 0)) return Fault{path + "." + key, describe_value(*found), "a number from 0"};
    made["weight"] = weight;
    return {};
  }
  return {};
}

MaybeFault complete_assistant(const Json& message, const std::string& path, Parts parts, Json& made) {
  if (auto fault = take_optional(message, "reasoning_content", path, parts.reasoning)) return fault;
  if (!parts.reasoning.empty()) made["reasoning_content"] = std::move(parts.reasoning);
  for (const char* key : {"tool_calls", "function_call"}) {
    if (!message.contains(key) || message[key].is_null()) continue;
    if (auto fault = take_tool_calls(message[key], path + "." + key, parts.calls)) return fault;
  }
  if (!parts.calls.empty()) made["tool_calls"] = std::move(parts.calls);
  return take_weight(message, path, made);
}

MaybeFault read_message(const Json& message, const std::string& path, Json& messages) {
  if (!message.is_object()) return Fault{path, describe_value(message), "an object with role and content"};
  std::string name;
  if (auto fault = take_text(message, "role", path, name)) return fault;
  const char* role = role_of(name);
  if (role == nullptr)
    return Fault{path + ".role", describe_value(message["role"]), "system, user, assistant or tool"};
  const bool assistant = std::string_view(role) == "assistant";
  const bool calls = message.contains("tool_calls") || message.contains("function_call");
  Parts parts;
  if (auto fault = take_content(message, path, assistant && calls, parts)) return fault;
  Json made = message_of(role, std::move(parts.text));
  for (const char* key : {"name", "tool_call_id"}) {
    if (message.contains(key) && message[key].is_string()) made[key] = message[key];
  }
  if (assistant) {
    if (auto fault = complete_assistant(message, path, std::move(parts), made)) return fault;
  }
  const bool blank = is_blank(made["content"].get_ref<const std::string&>());
  if (!blank || role != std::string_view("system")) messages.push_back(std::move(made));
  return {};
}

MaybeFault read_openai(const Json& row, const ChatTags&, Record& record) {
  const auto found = row.find("messages");
  if (found == row.end()) return Fault{"messages", "no such field", "a list of messages"};
  if (!found->is_array()) return Fault{"messages", describe_value(*found), "a list of messages"};
  Json messages = Json::array();
  messages.get_ref<Json::array_t&>().reserve(found->size());
  for (size_t i = 0; i < found->size(); ++i) {
    if (auto fault = read_message((*found)[i], element_path("messages", i), messages)) return fault;
  }
  if (auto fault = take_tools(row, record.tools)) return fault;
  return finish_conversation(std::move(messages), "messages", record);
}

}  // namespace

const RowReader kOpenAiReader{"openai", "messages", knows_openai, read_openai};

}  // namespace keel
