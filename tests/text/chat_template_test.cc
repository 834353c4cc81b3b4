#include "text/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/fs.h"
#include "support/error_of.h"
#include "support/paths.h"
#include "text/builtin_templates.h"

namespace keel {
namespace {

using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;

Messages chat() {
  return {{{"role", "system"}, {"content", "Be brief."}},
          {{"role", "user"}, {"content", "hi"}},
          {{"role", "assistant"}, {"content", "ho"}}};
}

SpecialTokens special(Json by_name) { return {.by_name = std::move(by_name), .eos_ids = {}}; }

TEST(ChatTemplate, BuiltInsWriteTheirFormats) {
  const SpecialTokens tokens = special({{"bos_token", "<s>"}, {"eos_token", "</s>"}});
  const auto text = [&](std::string_view name) {
    return ChatTemplate::from_builtin(name, tokens).render(chat()).text;
  };
  EXPECT_EQ(text("chatml"),
            "<|im_start|>system\nBe "
            "brief.<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nho<|im_end|>\n");
  EXPECT_EQ(text("llama3"),
            "<s><|start_header_id|>system<|end_header_id|>\n\nBe "
            "brief.<|eot_id|><|start_header_id|>user<|end_header_id|>"
            "\n\nhi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nho<|eot_id|>");
  EXPECT_EQ(text("mistral"), "<s>[INST] Be brief.\n\nhi [/INST] ho</s>");
  EXPECT_EQ(text("plain"), "### System\nBe brief.\n\n### User\nhi\n\n### Assistant\nho</s>\n\n");
}

TEST(ChatTemplate, BuiltInPromptsAreBeginningsOfTheirReplies) {
  const SpecialTokens tokens = special({{"eos_token", "</s>"}});
  Messages question = chat();
  question.erase(2);
  for (const BuiltinTemplate& known : builtin_templates()) {
    const auto chat_template = ChatTemplate::from_builtin(known.name, tokens);
    const std::string prompt = chat_template.render(question, {.add_generation_prompt = true}).text;
    EXPECT_TRUE(chat_template.render(chat()).text.starts_with(prompt)) << known.name << ": " << prompt;
    const Json tools = {{{"type", "function"}}};
    EXPECT_THAT(error_of([&] { chat_template.render(chat(), {.tools = tools}); }),
                HasSubstr("no place for tools"));
  }
}

TEST(ChatTemplate, BuiltInsTakeListsOfParts) {
  const Messages parts = {
      {{"role", "user"},
       {"content",
        {{{"type", "text"}, {"text", "a"}}, {{"type", "image"}}, {{"type", "text"}, {"text", "b"}}}}},
      {{"role", "assistant"}, {"content", nullptr}}};
  EXPECT_EQ(ChatTemplate::from_builtin("chatml").render(parts).text,
            "<|im_start|>user\nab<|im_end|>\n<|im_start|>assistant\n<|im_end|>\n");
}

TEST(ChatTemplate, UnknownNameAndMissingEosAreUserErrors) {
  const std::string unknown = error_of([] { ChatTemplate::from_builtin("chatlm"); });
  EXPECT_THAT(unknown, HasSubstr("template: unknown name \"chatlm\""));
  EXPECT_THAT(
      unknown,
      HasSubstr(
          "one of chatml, qwen2.5, qwen3, llama3, mistral, gemma, smollm2, phi3, zephyr, alpaca, plain"));
  EXPECT_THAT(error_of([] { ChatTemplate::from_builtin("plain").render(chat()); }),
              HasSubstr("the plain template ends a reply with eos_token, and the tokenizer has none"));
  EXPECT_EQ(ChatTemplate::builtin("nothing"), std::nullopt);
}

TEST(ChatTemplate, FolderForms) {
  const test::TempDir dir;
  EXPECT_FALSE(ChatTemplate::find_in_folder(dir.path()).has_value());
  const std::string none = error_of([&] { ChatTemplate::from_folder(dir.path()); });
  EXPECT_THAT(none, HasSubstr(dir.path().string() + ": no chat template"));
  EXPECT_THAT(
      none,
      HasSubstr("chatml, qwen2.5, qwen3, llama3, mistral, gemma, smollm2, phi3, zephyr, alpaca, plain"));
  const auto render = [&] { return ChatTemplate::from_folder(dir.path()).render(Json::array()).text; };
  write_file(dir / "tokenizer_config.json",
             R"({"bos_token": {"content": "<b>"}, "eos_token": null, "add_bos_token": true,
                 "chat_template": "{{ bos_token }}{{ eos_token is defined }}"})");
  EXPECT_EQ(render(), "<b>False");
  write_file(
      dir / "tokenizer_config.json",
      R"({"chat_template": [{"name": "rag", "template": "r"}, {"name": "default", "template": "d"}]})");
  EXPECT_EQ(render(), "d");
  write_file(dir / "tokenizer_config.json",
             R"({"chat_template": [{"name": "rag", "template": "r"}, {"name": "tool", "template": "d"}]})");
  EXPECT_THAT(error_of(render), HasSubstr("tokenizer_config.json: chat_template: templates named rag, tool"));
  write_file(dir / "chat_template.jinja", "own file");
  EXPECT_EQ(render(), "own file");
}

TEST(ChatTemplate, BrokenOnesAreUserErrorsWithThePlace) {
  const std::string syntax = error_of([] { ChatTemplate::from_source("a\n{% for %}", {}, "x.jinja"); });
  EXPECT_THAT(syntax, HasSubstr("x.jinja: syntax error"));
  EXPECT_THAT(syntax, HasSubstr("chat template:2"));
  const auto endless = ChatTemplate::from_source(
      "{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}", {}, "x.jinja");
  EXPECT_THAT(error_of([&] { endless.render(chat()); }),
              HasSubstr("x.jinja: the template does not end: more than 5 million instructions"));
  // minijinja panics here; the panic comes back as text and nothing is written to stderr.
  const auto panics = ChatTemplate::from_source(
      "{% for m in messages %}{% with %}{% break %}{% endwith %}{% endfor %}", {}, "x.jinja");
  testing::internal::CaptureStderr();
  EXPECT_THAT(error_of([&] { panics.render(chat()); }),
              HasSubstr("x.jinja: internal error of the bridge: panicked at"));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  const auto refuses = ChatTemplate::from_source("{{ raise_exception('no system, please') }}");
  EXPECT_THAT(error_of([&] { refuses.render(chat()); }),
              HasSubstr("the template refuses this input: no system, please"));
  const auto empty = ChatTemplate::from_source("");
  EXPECT_THAT(error_of([&] { empty.render(Json::object()); }), HasSubstr("messages have to be a JSON array"));
  const Messages bad_bytes = {{{"role", "user"}, {"content", "\xff"}}};
  EXPECT_THAT(error_of([&] { empty.render(bad_bytes); }), HasSubstr("messages in UTF-8"));
}

TEST(ChatTemplate, VariablesOverrideSpecialTokens) {
  const auto chat_template =
      ChatTemplate::from_source("{{ bos_token }}{{ enable_thinking }}", special({{"bos_token", "<s>"}}));
  EXPECT_EQ(chat_template.render(chat(), {.vars = {{"enable_thinking", false}}}).text, "<s>False");
  EXPECT_EQ(chat_template.render(chat(), {.vars = {{"bos_token", "<b>"}}}).text, "<b>");
}

TEST(ChatTemplate, GenerationSpansAreBytes) {
  const auto chat_template =
      ChatTemplate::from_source("é{% generation %}中{% endgeneration %}b{% generation %}{% endgeneration %}");
  ASSERT_TRUE(chat_template.has_generation());
  const Rendered rendered = chat_template.render(chat());
  EXPECT_EQ(rendered.text, "é中b");
  EXPECT_THAT(rendered.generation, ElementsAre(Span{2, 5}, Span{6, 6}));
}

TEST(SpecialTokens, ComeFromAllTheirFiles) {
  const test::TempDir dir;
  EXPECT_EQ(load_special_tokens(dir.path()).by_name, Json::object());
  write_file(dir / "tokenizer_config.json", R"({"bos_token": "<a>", "eos_token": null, "legacy_token": 3})");
  write_file(dir / "special_tokens_map.json", R"({"bos_token": "<z>", "eos_token": {"content": "<e>"}})");
  write_file(dir / "config.json", R"({"eos_token_id": 9})");
  SpecialTokens tokens = load_special_tokens(dir.path());
  EXPECT_EQ(tokens.bos(), "<a>");
  EXPECT_EQ(tokens.eos(), "<e>");
  EXPECT_EQ(tokens.pad(), std::nullopt);
  EXPECT_THAT(tokens.eos_ids, ElementsAre(9));
  write_file(dir / "generation_config.json", R"({"eos_token_id": [7, 2]})");
  EXPECT_THAT(load_special_tokens(dir.path()).eos_ids, ElementsAre(7, 2));
  write_file(dir / "generation_config.json", R"({"eos_token_id": "</s>"})");
  EXPECT_THAT(error_of([&] { load_special_tokens(dir.path()); }),
              HasSubstr("generation_config.json: eos_token_id: \"</s>\"\n  wanted: a token id"));
}

}  // namespace
}  // namespace keel
