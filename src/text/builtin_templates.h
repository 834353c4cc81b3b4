// Chat templates for models that come without one, rendering as those of the model families they are named
// after do for plain chats. What a template has no place for (tools, tool calls, thinking) it refuses:
// nothing is left out silently.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace keel {

struct BuiltinTemplate {
  std::string_view name;
  std::string_view body;                 // Jinja, without the parts that all of them share
  std::string_view end_of_turn;          // the token that ends a reply; empty: the tokenizer's eos_token
  std::string_view default_system = {};  // system message of a chat without one
  bool calls = false;                    // writes tool_calls and tool messages
  bool thinking = false;                 // writes reasoning_content
};

// chatml, qwen2.5, qwen3, llama3, mistral, gemma, smollm2, phi3, zephyr, alpaca, plain.
std::span<const BuiltinTemplate> builtin_templates();

// The whole template.
std::string builtin_source(const BuiltinTemplate& known);

}  // namespace keel
