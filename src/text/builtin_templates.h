// Chat templates for models that come without one.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace keel {

struct BuiltinTemplate {
  std::string_view name;
  std::string_view body;         // Jinja, without the part that all of them share
  std::string_view end_of_turn;  // the token that ends a reply; empty: the tokenizer's eos_token
};

// chatml, llama3, mistral, plain. None takes tools: given some, they refuse.
std::span<const BuiltinTemplate> builtin_templates();

// The whole template.
std::string builtin_source(const BuiltinTemplate& known);

}  // namespace keel
