// Chat templates and tokenizers that are made to break the program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/error_of.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace keel {
namespace {

using test::error_of;
using testing::HasSubstr;

const Messages kChat = {{{"role", "user"}, {"content", "hi"}}};

std::string render_error(const std::string& source) {
  return error_of([&] { ChatTemplate::from_source(source, {}, "x.jinja").render(kChat); });
}

class HungryTemplate : public testing::TestWithParam<const char*> {};
TEST_P(HungryTemplate, IsStopped) {
  EXPECT_EQ(render_error(GetParam()),
            "x.jinja: the template needs more than 256 MiB of memory, or copies it around for ever");
}
INSTANTIATE_TEST_SUITE_P(
    Templates, HungryTemplate,
    testing::Values(
        "{% set ns = namespace(s='ab') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
        "{% set ns = namespace(s='ab') %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{{ [1] | batch(1000000000000) }}", "{{ [1] | slice(1000000000000) }}",
        "{{ 'a' | indent(10 ** 15) }}", "{% set s = 'a' * 90000000 %}{{ s | replace('a', 'bbbb') }}",
        "{% set s = 'a' * 90000000 %}{% for i in range(90000) %}{% set t = s ~ 'b' %}{% endfor %}"));

// What each of them held is lost, so a few are enough.
TEST(HungryChatTemplate, EndsMoreThanOneConversationWhenItIsStoppedAgainAndAgain) {
  const auto hungry = ChatTemplate::from_source(
      "{% if messages[0].content == 'boom' %}{{ [1] | batch(1000000000000) }}{% endif %}ok", {}, "x.jinja");
  const Messages boom = {{{"role", "user"}, {"content", "boom"}}};
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(error_of([&] { hungry.render(boom); }), HasSubstr("x.jinja: the template needs more than"));
    EXPECT_EQ(hungry.render(kChat).text, "ok");
  }
  EXPECT_THROW(hungry.render(boom), RunawayTemplate);
  EXPECT_THAT(
      error_of([&] { hungry.render(boom); }),
      HasSubstr("x.jinja: 5 conversations needed more memory than a template may have\n  wanted: a "
                "template that needs little more than the text of its conversation\n  try:    mend the "
                "Jinja source, or name one of the built-in templates"));
  EXPECT_EQ(hungry.render(kChat).text, "ok");
}

// Values that are dropped, compared and written by functions that call themselves for each level.
TEST(DeepTemplate, DoesNotOverflowTheStack) {
  const std::string nest =
      "{% set ns = namespace(d=[]) %}{% for i in range(90000) %}{% set ns.d = [[[[[[[[[[ns.d]]]]]]]]]] %}{% "
      "endfor %}";
  const auto text = [&](const std::string& use) {
    return ChatTemplate::from_source(nest + use, {}, "x.jinja").render(kChat).text;
  };
  EXPECT_EQ(text("end"), "end");
  EXPECT_EQ(text("{{ ns.d == [ns.d] }}"), "False");
  EXPECT_THAT(text("{{ ns.d }}"), HasSubstr("[[..."));
}

TEST(HostileTokenizer, IdsOutsideTheVocabularyAreRefused) {
  const auto words = [](const std::string& id, const std::string& post_processor) {
    return R"({"added_tokens":[],"normalizer":null,"pre_tokenizer":null,"decoder":null,"post_processor":)" +
           post_processor + R"(,"model":{"type":"WordLevel","vocab":{"a":)" + id + R"(},"unk_token":"a"}})";
  };
  EXPECT_THAT(error_of([&] { Tokenizer::from_json(words("4294967295", "null")); }),
              HasSubstr("a token has the id 4294967295; ids end at 2147483647"));
  const Tokenizer adds = Tokenizer::from_json(
      words("0", R"({"type":"BertProcessing","sep":["s",7000],"cls":["c",4000000000]})"));
  EXPECT_EQ(adds.encode("a"), std::vector<int32_t>{0});
  EXPECT_THAT(error_of([&] { adds.encode("a", true); }),
              HasSubstr("the post-processor adds the id 4000000000, which is not in the vocabulary"));
}

}  // namespace
}  // namespace keel
