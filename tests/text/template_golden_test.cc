// Our small templates, and the optional shared ones, against what transformers makes of them
// (tests/golden/make_template_goldens.py).
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "support/error_of.h"
#include "support/paths.h"
#include "text/chat_template.h"

namespace keel {
namespace {

Json goldens() { return read_json(test::golden_dir() / "chat_templates.json"); }

Rendered render(const ChatTemplate& chat_template, const Json& document, const Json& golden) {
  const Json tools = golden["tools"].get<bool>() ? document["tools"] : Json();
  return chat_template.render(document["chats"][golden["chat"].get<std::string>()],
                              {.add_generation_prompt = golden["prompt"].get<bool>(), .tools = tools});
}

// Python counts characters, we count bytes.
size_t char_count(std::string_view text) {
  size_t n = 0;
  for (const char c : text) n += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return n;
}

Json char_spans(const Rendered& rendered) {
  Json spans = Json::array();
  const std::string_view text = rendered.text;
  for (const Span& span : rendered.generation) {
    spans.push_back({char_count(text.substr(0, span.begin)), char_count(text.substr(0, span.end))});
  }
  return spans;
}

TEST(TemplateGoldens, OwnTemplatesRenderAsInTransformers) {
  const Json document = goldens();
  ASSERT_FALSE(document["cases"].empty());
  for (const Json& golden : document["cases"]) {
    const std::string name = golden["template"];
    SCOPED_TRACE(name + " / " + golden["chat"].get<std::string>());
    const auto chat_template = ChatTemplate::from_source(document["templates"][name]);
    if (golden.contains("error")) {
      const std::string error = test::error_of([&] { render(chat_template, document, golden); });
      EXPECT_NE(error.find(golden["error"].get<std::string>()), std::string::npos) << error;
      continue;
    }
    const Rendered rendered = render(chat_template, document, golden);
    EXPECT_EQ(rendered.text, golden["text"].get<std::string>());
    EXPECT_EQ(char_spans(rendered), golden["spans"]);
  }
}

TEST(TemplateGoldens, SharedTemplatesRenderAsInTransformers) {
  const Json document = goldens();
  ASSERT_FALSE(document["shared_cases"].empty());
  for (const Json& golden : document["shared_cases"]) {
    const std::string name = golden["template"];
    KEEL_NEED_SHARED("data/tokenizers/" + name + "/tokenizer_config.json");
    SCOPED_TRACE(name + " / " + golden.dump());
    const auto chat_template = ChatTemplate::from_folder(test::shared_dir() / "data/tokenizers" / name);
    if (golden.contains("error")) {
      EXPECT_THROW(render(chat_template, document, golden), UserError);
      continue;
    }
    EXPECT_EQ(to_hex(hash64(render(chat_template, document, golden).text)),
              golden["xxh3"].get<std::string>());
  }
}

}  // namespace
}  // namespace keel
