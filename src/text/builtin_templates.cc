#include "text/builtin_templates.h"

#include <array>

namespace keel {
namespace {

// What every template begins with: `said(message)` is a message's text, whether a string, a list of parts or
// nothing.
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

constexpr std::string_view kNoCalls =
    R"({%- for message in messages if message.tool_calls or message.role == 'tool' -%}
    {{ raise_exception('this built-in template has no place for tool calls; chatml, qwen2.5 and qwen3 have one') }}
{%- endfor -%}
)";

constexpr std::string_view kNoThinking =
    R"({%- for message in messages if message.reasoning_content -%}
    {{ raise_exception('this built-in template has no place for reasoning_content; qwen3 has one') }}
{%- endfor -%}
)";

// Replies with tool calls, and what the tools answer, as the ChatML models write them.
constexpr std::string_view kCalls =
    R"({%- macro calls(message) -%}
    {%- for call in message.tool_calls or [] -%}
        {%- set f = call.function if call.function is defined else call -%}
        {%- if not loop.first or said(message) -%}{{ '\n' }}{%- endif -%}
        {{ '<tool_call>\n{"name": "' + f.name + '", "arguments": ' }}
        {{- f.arguments if f.arguments is string else f.arguments | tojson }}
        {{- '}\n</tool_call>' }}
    {%- endfor -%}
{%- endmacro -%}
{%- macro answer(message, first, last) -%}
    {{ '<|im_start|>user' if first }}
    {{- '\n<tool_response>\n' + said(message) + '\n</tool_response>' }}
    {{- '<|im_end|>\n' if last }}
{%- endmacro -%}
)";

// chatml, qwen2.5 and smollm2 differ in the default system message alone.
constexpr std::string_view kChatml = R"(
{%- if default_system and messages and messages[0].role != 'system' -%}
    {{ '<|im_start|>system\n' + default_system + '<|im_end|>\n' }}
{%- endif -%}
{%- for message in messages -%}
    {%- if message.role == 'tool' -%}
        {{ answer(message, loop.first or loop.previtem.role != 'tool',
                 loop.last or loop.nextitem.role != 'tool') }}
    {%- else -%}
        {{ '<|im_start|>' + message.role + '\n' + said(message) + calls(message) + '<|im_end|>\n' }}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{ '<|im_start|>assistant\n' }}
{%- endif -%}
)";

// Thinking stands in the replies behind the last question and is taken out of those before it. The last reply
// has a thinking block even with nothing in it. Thinking may also stand at the beginning of the text.
constexpr std::string_view kQwen3 = R"(
{%- set ns = namespace(question=-1) -%}
{%- for message in messages -%}
    {%- if message.role == 'user' -%}{%- set ns.question = loop.index0 -%}{%- endif -%}
{%- endfor -%}
{%- for message in messages -%}
    {%- set text = said(message) -%}
    {%- set thought = message.reasoning_content or '' -%}
    {%- if message.role == 'assistant' and not thought and '</think>' in text -%}
        {%- set thought = text.split('</think>')[0].split('<think>')[-1] -%}
        {%- set text = text.split('</think>')[-1].lstrip('\n') -%}
    {%- endif -%}
    {%- set thought = thought.strip('\n') -%}
    {%- if message.role == 'tool' -%}
        {{ answer(message, loop.first or loop.previtem.role != 'tool',
                 loop.last or loop.nextitem.role != 'tool') }}
    {%- elif message.role == 'assistant' and loop.index0 > ns.question and (loop.last or thought) -%}
        {{ '<|im_start|>assistant\n<think>\n' + thought + '\n</think>\n\n' + text.lstrip('\n') }}
        {{- calls(message) + '<|im_end|>\n' }}
    {%- else -%}
        {{ '<|im_start|>' + message.role + '\n' + text + calls(message) + '<|im_end|>\n' }}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{ '<|im_start|>assistant\n' }}
    {{- '<think>\n\n</think>\n\n' if enable_thinking is defined and enable_thinking is false }}
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

// The family has no system role: the message stands at the beginning of the first question.
constexpr std::string_view kGemma = R"(
{{- bos_token if bos_token is defined else '<bos>' -}}
{%- set ns = namespace(system='') -%}
{%- for message in messages -%}
    {%- if message.role == 'system' -%}
        {%- set ns.system = said(message) + '\n\n' -%}
    {%- else -%}
        {{ '<start_of_turn>' + ('model' if message.role == 'assistant' else message.role) + '\n' }}
        {{- ns.system + said(message) | trim + '<end_of_turn>\n' }}
        {%- set ns.system = '' -%}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{ '<start_of_turn>model\n' }}
{%- endif -%}
)";

// The family's own template puts an end of text behind the last reply, which no earlier reply has; here it is
// left out, so that a conversation stays one sample.
constexpr std::string_view kPhi3 = R"(
{%- for message in messages -%}
    {{ '<|' + message.role + '|>\n' + said(message) + '<|end|>\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{ '<|assistant|>\n' }}
{%- endif -%}
)";

// Only eos_token ends a reply in these, so there has to be one.
constexpr std::string_view kZephyr = R"(
{%- if eos_token is not defined -%}
    {{ raise_exception('the zephyr template ends a reply with eos_token, and the tokenizer has none') }}
{%- endif -%}
{%- for message in messages -%}
    {{ '<|' + message.role + '|>\n' + said(message) + eos_token + '\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{ '<|assistant|>\n' }}
{%- endif -%}
)";

constexpr std::string_view kAlpaca = R"(
{%- if eos_token is not defined -%}
    {{ raise_exception('the alpaca template ends a reply with eos_token, and the tokenizer has none') }}
{%- endif -%}
{%- if messages and messages[0].role != 'system' -%}
    {{ default_system + '\n\n' }}
{%- endif -%}
{%- for message in messages -%}
    {%- if message.role == 'system' -%}
        {{ said(message) + '\n\n' }}
    {%- elif message.role == 'user' -%}
        {{ '### Instruction:\n' + said(message) + '\n\n' }}
    {%- else -%}
        {{ '### Response:\n' + said(message) + eos_token + '\n\n' }}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{ '### Response:\n' }}
{%- endif -%}
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
    BuiltinTemplate{.name = "chatml", .body = kChatml, .end_of_turn = "<|im_end|>", .calls = true},
    BuiltinTemplate{.name = "qwen2.5",
                    .body = kChatml,
                    .end_of_turn = "<|im_end|>",
                    .default_system = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
                    .calls = true},
    BuiltinTemplate{
        .name = "qwen3", .body = kQwen3, .end_of_turn = "<|im_end|>", .calls = true, .thinking = true},
    BuiltinTemplate{.name = "llama3", .body = kLlama3, .end_of_turn = "<|eot_id|>"},
    BuiltinTemplate{.name = "mistral", .body = kMistral, .end_of_turn = ""},
    BuiltinTemplate{.name = "gemma", .body = kGemma, .end_of_turn = "<end_of_turn>"},
    BuiltinTemplate{.name = "smollm2",
                    .body = kChatml,
                    .end_of_turn = "<|im_end|>",
                    .default_system = "You are a helpful AI assistant named SmolLM, trained by Hugging Face",
                    .calls = true},
    BuiltinTemplate{.name = "phi3", .body = kPhi3, .end_of_turn = "<|end|>"},
    BuiltinTemplate{.name = "zephyr", .body = kZephyr, .end_of_turn = ""},
    BuiltinTemplate{.name = "alpaca",
                    .body = kAlpaca,
                    .end_of_turn = "",
                    .default_system = "Below is an instruction that describes a task. Write a response that "
                                      "appropriately completes the request."},
    BuiltinTemplate{.name = "plain", .body = kPlain, .end_of_turn = ""},
};

}  // namespace

std::span<const BuiltinTemplate> builtin_templates() { return kTemplates; }

std::string builtin_source(const BuiltinTemplate& known) {
  std::string source(kPrelude);
  source += known.calls ? kCalls : kNoCalls;
  if (!known.thinking) source += kNoThinking;
  if (!known.default_system.empty()) {
    source += "{%- set default_system = '";
    source += known.default_system;
    source += "' -%}\n";
  }
  return source.append(known.body);
}

}  // namespace keel
