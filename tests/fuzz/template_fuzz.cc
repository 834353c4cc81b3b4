// A chat template, compiled and rendered with one conversation that has everything: parts, thinking, a tool
// call.
#include "fuzz/fuzz_target.h"
#include "text/chat_template.h"

namespace keel::fuzz {
namespace {

const Json& conversation() {
  static const Json messages = Json::parse(R"([
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "Which berth is free?"}]},
    {"role": "assistant", "content": "", "reasoning_content": "Ask the plan.", "tool_calls": [
      {"type": "function", "id": "1", "function": {"name": "plan", "arguments": {"day": 3, "deep": true}}}]},
    {"role": "tool", "name": "plan", "content": "{\"free\": [4, 7.5, null]}"},
    {"role": "assistant", "content": "Berth 4 — 泊位四."}])");
  return messages;
}

const Json& tools() {
  static const Json list = Json::parse(R"([{"type": "function", "function": {"name": "plan",
    "parameters": {"type": "object", "properties": {"day": {"type": "integer"}}}}}])");
  return list;
}

}  // namespace

void fuzz_one(std::string_view input) {
  const SpecialTokens special{.by_name = {{"bos_token", "<s>"}, {"eos_token", "</s>"}}, .eos_ids = {}};
  const auto chat_template = ChatTemplate::from_source(std::string(input), special);
  const Rendered rendered =
      chat_template.render(conversation(), {.add_generation_prompt = true, .tools = tools()});
  for (const Span& span : rendered.generation)
    KEEL_CHECK(span.begin <= span.end && span.end <= rendered.text.size(), "a span outside the text");
}

}  // namespace keel::fuzz
