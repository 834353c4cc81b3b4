#include "corpus/dedup/record_text.h"

namespace keel {
namespace {

void add_text(const Json& message, const char* key, std::string& out) {
  const auto found = message.find(key);
  if (found == message.end() || found->is_null()) return;
  out += found->is_string() ? found->get_ref<const std::string&>() : to_line(*found);
  out += '\n';
}

}  // namespace

std::string record_text(const Record& record) {
  if (record.messages.empty()) return record.text;
  std::string out;
  for (const Json& message : record.messages) {
    if (message.value("role", "") == "system") continue;
    add_text(message, "reasoning_content", out);
    add_text(message, "content", out);
    add_text(message, "tool_calls", out);
  }
  return out;
}

}  // namespace keel
