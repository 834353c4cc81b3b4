#include <fmt/format.h>

#include "base/json_nesting.h"
#include "corpus/readers/reader.h"

namespace keel {
namespace {

constexpr const char* kCallWanted = "a call with name and arguments";

// A JSON text as what it holds; anything else as it is. False: a text that is no JSON, or nested too deeply.
bool unpack(const Json& value, Json& out) {
  if (!value.is_string()) {
    out = value;
    return true;
  }
  const auto& text = value.get_ref<const std::string&>();
  if (nesting_of(text).deepest() > kDeepestRow) return false;
  out = Json::parse(text, nullptr, false);
  return !out.is_discarded();
}

MaybeFault one_call(const Json& call, const std::string& path, Json& out) {
  if (!call.is_object()) return Fault{path, describe_value(call), kCallWanted};
  const Json& function = call.contains("function") ? call["function"] : call;
  if (!function.is_object() || !function.contains("name") || !function["name"].is_string())
    return Fault{path, describe_value(function), kCallWanted};
  Json arguments = Json::object();
  if (function.contains("arguments") && !function["arguments"].is_null() &&
      !unpack(function["arguments"], arguments))
    return Fault{path + ".arguments", describe_value(function["arguments"]), "a JSON object"};
  if (!arguments.is_object()) return Fault{path + ".arguments", describe_value(arguments), "a JSON object"};
  Json made{{"type", "function"},
            {"function", {{"name", function["name"]}, {"arguments", std::move(arguments)}}}};
  if (call.contains("id") && call["id"].is_string()) made["id"] = call["id"];
  out.push_back(std::move(made));
  return {};
}

}  // namespace

MaybeFault take_tool_calls(const Json& calls, const std::string& path, Json& out) {
  Json value;
  if (!unpack(calls, value)) return Fault{path, describe_value(calls), kCallWanted};
  if (!value.is_array()) return one_call(value, path, out);
  for (size_t i = 0; i < value.size(); ++i) {
    if (auto fault = one_call(value[i], fmt::format("{}[{}]", path, i), out)) return fault;
  }
  return {};
}

MaybeFault take_tools(const Json& row, Json& out) {
  const auto found = row.find("tools");
  if (found == row.end() || found->is_null()) return {};
  if (found->is_string() && is_blank(found->get_ref<const std::string&>())) return {};
  Json tools;
  if (!unpack(*found, tools) || !tools.is_array())
    return Fault{"tools", describe_value(*found), "a list of tools"};
  Json made = Json::array();
  for (size_t i = 0; i < tools.size(); ++i) {
    if (!tools[i].is_object())
      return Fault{fmt::format("tools[{}]", i), describe_value(tools[i]), "an object with name"};
    const bool bare = tools[i].contains("name") && !tools[i].contains("function");
    made.push_back(bare ? Json{{"type", "function"}, {"function", tools[i]}} : tools[i]);
  }
  if (!made.empty()) out = std::move(made);
  return {};
}

}  // namespace keel
