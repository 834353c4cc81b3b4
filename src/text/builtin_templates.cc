#include "text/builtin_templates.h"

#include <array>

namespace keel {
namespace {

// Every template begins with this: `said(message)` is its text, whether a string, a list of parts or nothing.
constexpr std::string_view kPrelude =
    R"({%- if tools %}{{ raise_exception('this built-in template has no place for tools') }}{% endif -%}
{%- macro said(message) -%}
    {%- if message.content is string -%}
        {{ message.content }}
    {%- elif message.content -%}
        {%- for part in message.content if part.type == 'text' -%}{{ part.text }}{%- endfor -%}
    {%- endif -%}
{%- endmacro -%}
)";

constexpr std::string_view kChatml = R"(
{%- for message in messages -%}
    {{ '<|im_start|>' + message.role + '\n' + said(message) + '<|im_end|>\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{ '<|im_start|>assistant\n' }}
{%- endif -%}
)";

constexpr std::string_view kLlama3 = R"(
{{- bos_token if bos_token is defined else '<|begin_of_text|>' -}}
{%- for message in messages -%}
    {{ '<|start_header_id|>' + message.role + '<|end_header_id|>\n\n' + said(message) | trim + '<|eot_id|>' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}
{%- endif -%}
)";

constexpr std::string_view kMistral = R"(
{{- bos_token if bos_token is defined else '<s>' -}}
{%- set ns = namespace(system='') -%}
{%- for message in messages -%}
    {%- if message.role == 'system' -%}
        {%- set ns.system = said(message) + '\n\n' -%}
    {%- elif message.role == 'user' -%}
        {{ '[INST] ' + ns.system + said(message) + ' [/INST]' }}
        {%- set ns.system = '' -%}
    {%- elif message.role == 'assistant' -%}
        {{ ' ' + said(message) + (eos_token if eos_token is defined else '</s>') }}
    {%- else -%}
        {{ raise_exception('the mistral template knows system, user and assistant, not ' + message.role) }}
    {%- endif -%}
{%- endfor -%}
)";

constexpr std::string_view kPlain = R"(
{%- if eos_token is not defined -%}
    {{ raise_exception('the plain template ends a reply with eos_token, and the tokenizer has none') }}
{%- endif -%}
{%- for message in messages -%}
    {{ '### ' + message.role | capitalize + '\n' + said(message) }}
    {{- eos_token if message.role == 'assistant' else '' -}}
    {{ '\n\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{ '### Assistant\n' }}
{%- endif -%}
)";

constexpr std::array kTemplates = {
    BuiltinTemplate{.name = "chatml", .body = kChatml, .end_of_turn = "<|im_end|>"},
    BuiltinTemplate{.name = "llama3", .body = kLlama3, .end_of_turn = "<|eot_id|>"},
    BuiltinTemplate{.name = "mistral", .body = kMistral, .end_of_turn = ""},
    BuiltinTemplate{.name = "plain", .body = kPlain, .end_of_turn = ""},
};

}  // namespace

std::span<const BuiltinTemplate> builtin_templates() { return kTemplates; }

std::string builtin_source(const BuiltinTemplate& known) {
  return std::string(kPrelude) + std::string(known.body);
}

}  // namespace keel
