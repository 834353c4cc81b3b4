#include "text/conversation_mask.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "support/paths.h"
#include "text/message.h"
#include "text/small_tokenizer.h"

namespace keel {
namespace {

using test::message;

// The text of the tokens of one turn; of its end-of-turn tokens alone.
std::string turn_text(const Tokenizer& tokenizer, const EncodedChat& chat, int32_t turn) {
  std::vector<int32_t> ids;
  for (size_t k = 0; k < chat.ids.size(); ++k) {
    if (chat.turn[k] == turn) ids.push_back(chat.ids[k]);
  }
  return tokenizer.decode(ids, false);
}

std::string ends_text(const Tokenizer& tokenizer, const EncodedChat& chat) {
  std::vector<int32_t> ids;
  for (size_t k = 0; k < chat.ids.size(); ++k) {
    if (chat.is_end_of_turn[k] != 0) ids.push_back(chat.ids[k]);
  }
  return tokenizer.decode(ids, false);
}

std::string whole_text(const Tokenizer& tokenizer, const EncodedChat& chat) {
  return tokenizer.decode(chat.ids, false);
}

Messages two_turns() {
  return Json::array({message("system", "S"), message("user", "one"), message("assistant", "first one"),
                      message("user", "first one"), message("assistant", "second")});
}

SpecialTokens eos(const char* token = "</s>") { return {.by_name = {{"eos_token", token}}, .eos_ids = {}}; }

EncodedChat only_chat(const ChatTemplate& chat_template, const Tokenizer& tokenizer,
                      const Messages& messages) {
  std::vector<EncodedChat> chats = encode_conversation(chat_template, tokenizer, messages);
  EXPECT_EQ(chats.size(), 1u);
  EXPECT_EQ(chats[0].ids.size(), chats[0].turn.size());
  EXPECT_EQ(chats[0].ids.size(), chats[0].is_end_of_turn.size());
  return chats[0];
}

struct MaskCase {
  std::string name, source, end;
};

class ConversationMask : public testing::TestWithParam<MaskCase> {};

TEST_P(ConversationMask, HoldsEachReplyAndItsEndOfTurn) {
  const Tokenizer tokenizer = test::letter_tokenizer();
  const auto chat_template = ChatTemplate::from_source(GetParam().source, eos());
  const EncodedChat chat = only_chat(chat_template, tokenizer, two_turns());
  EXPECT_EQ(whole_text(tokenizer, chat), chat_template.render(two_turns()).text);
  EXPECT_EQ(turn_text(tokenizer, chat, 0), "first one" + GetParam().end);
  EXPECT_EQ(turn_text(tokenizer, chat, 1), "second" + GetParam().end);
  EXPECT_EQ(ends_text(tokenizer, chat), GetParam().end + GetParam().end);
}

std::string chatml_with_generation(const std::string& reply) {
  return "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' }}{% if m.role == 'assistant' %}" +
         reply + "{% else %}{{ m.content + '<|im_end|>\\n' }}{% endif %}{% endfor %}";
}

INSTANTIATE_TEST_SUITE_P(
    All, ConversationMask,
    testing::Values(
        MaskCase{"chatml", *ChatTemplate::builtin("chatml"), "<|im_end|>"},
        MaskCase{"plain", *ChatTemplate::builtin("plain"), "</s>"},
        MaskCase{"generation_with_end",
                 chatml_with_generation(
                     "{% generation %}{{ m.content + '<|im_end|>' }}{% endgeneration %}{{ '\\n' }}"),
                 "<|im_end|>"},
        MaskCase{
            "generation_with_line_break",
            chatml_with_generation("{% generation %}{{ m.content + '<|im_end|>\\n' }}{% endgeneration %}"),
            "<|im_end|>"},
        MaskCase{
            "generation_short_of_the_end",
            chatml_with_generation("{% generation %}{{ m.content }}{% endgeneration %}{{ '<|im_end|>\\n' }}"),
            "<|im_end|>"},
        // The header stands at the end of the user's turn, whether asked for or not.
        MaskCase{"header_with_the_question",
                 "{% for m in messages %}{{ m.content }}{{ '</s>\\n' if m.role == 'assistant' else '\\nA:' "
                 "}}{% endfor %}",
                 "</s>"}),
    [](const auto& info) { return info.param.name; });

TEST(ConversationMasks, MistralKeepsTheBlankThatTheReplyBeginsWith) {
  const Tokenizer tokenizer = test::letter_tokenizer();
  const auto chat_template = ChatTemplate::from_builtin("mistral", eos());
  const EncodedChat chat = only_chat(chat_template, tokenizer, two_turns());
  EXPECT_EQ(turn_text(tokenizer, chat, 0), " first one</s>");
  EXPECT_EQ(turn_text(tokenizer, chat, 1), " second</s>");
  EXPECT_EQ(end_of_turn_id(chat_template, tokenizer), tokenizer.token_to_id("</s>"));
}

TEST(ConversationMasks, RepliesThatRepeatTheQuestionOrAreEmptyAreFound) {
  const Tokenizer tokenizer = test::letter_tokenizer();
  const auto chat_template = ChatTemplate::from_builtin("chatml");
  const Messages messages = Json::array(
      {message("user", "same"), message("assistant", "same"), message("user", ""), message("assistant", "")});
  const EncodedChat chat = only_chat(chat_template, tokenizer, messages);
  EXPECT_EQ(turn_text(tokenizer, chat, 0), "same<|im_end|>");
  EXPECT_EQ(turn_text(tokenizer, chat, 1), "<|im_end|>");
}

TEST(ConversationMasks, ATemplateThatRemovesThinkingGivesOneChatForEachTurn) {
  const Tokenizer tokenizer = test::letter_tokenizer();
  const auto chat_template = ChatTemplate::from_source(
      "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' }}"
      "{% if m.reasoning_content and loop.last %}{{ '[' + m.reasoning_content + ']' }}{% endif %}"
      "{{ m.content + '<|im_end|>\\n' }}{% endfor %}"
      "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}");
  Messages messages = two_turns();
  messages[2]["reasoning_content"] = "why";
  messages[4]["reasoning"] = "so";
  const auto chats = encode_conversation(chat_template, tokenizer, messages);
  ASSERT_EQ(chats.size(), 2u);
  EXPECT_EQ(turn_text(tokenizer, chats[0], 0), "[why]first one<|im_end|>");
  EXPECT_EQ(turn_text(tokenizer, chats[0], 1), "");
  EXPECT_EQ(turn_text(tokenizer, chats[1], 0), "");
  EXPECT_EQ(turn_text(tokenizer, chats[1], 1), "[so]second<|im_end|>");
  EXPECT_EQ(whole_text(tokenizer, chats[1]).find("why"), std::string::npos);
}

TEST(ConversationMasks, APromptThatOpensAnEmptyThinkingBlockIsLeftWhereTheReplyPartsFromIt) {
  const Tokenizer tokenizer = test::letter_tokenizer();
  const auto chat_template = ChatTemplate::from_source(
      "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' }}"
      "{% if m.role == 'assistant' %}{{ '<t>\\n' + (m.thinking or '') + '\\n</t>\\n' }}{% endif %}"
      "{{ m.content + '<|im_end|>\\n' }}{% endfor %}"
      "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n<t>\\n\\n</t>\\n' }}{% endif %}");
  Messages messages = two_turns();
  messages[4]["thinking"] = "so";
  const EncodedChat chat = only_chat(chat_template, tokenizer, messages);
  EXPECT_EQ(turn_text(tokenizer, chat, 0), "first one<|im_end|>");
  EXPECT_EQ(turn_text(tokenizer, chat, 1), "so\n</t>\nsecond<|im_end|>");
}

TEST(ConversationMasks, ATemplateThatNeedsAReplyIsAskedWithAnotherOne) {
  const Tokenizer tokenizer = test::letter_tokenizer();
  const auto chat_template = ChatTemplate::from_source(
      "{% if messages | selectattr('role', 'equalto', 'assistant') | list | length == 0 %}"
      "{{ raise_exception('no reply') }}{% endif %}"
      "{% for m in messages %}{{ m.role + ':' + m.content + '</s>\\n' }}{% endfor %}");
  const Messages messages = Json::array({message("user", "q"), message("assistant", "xyz")});
  const EncodedChat chat = only_chat(chat_template, tokenizer, messages);
  EXPECT_EQ(turn_text(tokenizer, chat, 0), "xyz</s>");
}

TEST(ConversationMasks, AnEndInPlainTextIsTrainedToo) {
  const Tokenizer tokenizer = test::letter_tokenizer();
  const Messages messages = Json::array(
      {message("user", "q"), message("assistant", "a"), message("user", "r"), message("assistant", "b")});
  const auto chat_with = [&](const std::string& end) {
    const auto chat_template =
        ChatTemplate::from_source("{% for m in messages %}{{ m.role[0] + ': ' + m.content + '" + end +
                                  "' }}{% endfor %}"
                                  "{% if add_generation_prompt %}{{ 'a: ' }}{% endif %}");
    return only_chat(chat_template, tokenizer, messages);
  };
  EXPECT_EQ(turn_text(tokenizer, chat_with("\\n\\n"), 0), "a\n\n");
  EXPECT_EQ(turn_text(tokenizer, chat_with("[end]\\n"), 0), "a[end]");
  EXPECT_EQ(ends_text(tokenizer, chat_with("\\n\\n")), "");
}

TEST(ConversationMasks, OneBosAndNeverTwo) {
  const Tokenizer with_bos = test::letter_tokenizer_with_bos();
  const Messages messages = two_turns();
  const auto chatml = ChatTemplate::from_builtin("chatml");
  const EncodedChat added = only_chat(chatml, with_bos, messages);
  EXPECT_TRUE(whole_text(with_bos, added).starts_with("<s><|im_start|>system"));
  EXPECT_EQ(added.turn[0], -1);
  EXPECT_EQ(turn_text(with_bos, added, 0), "first one<|im_end|>");
  const auto mistral = ChatTemplate::from_builtin("mistral", eos());
  EXPECT_TRUE(whole_text(with_bos, only_chat(mistral, with_bos, messages)).starts_with("<s>[INST]"));
  const Tokenizer without_bos = test::letter_tokenizer();
  EXPECT_TRUE(
      whole_text(without_bos, only_chat(chatml, without_bos, messages)).starts_with("<|im_start|>system"));
}

TEST(ConversationMasks, ThePromptIsTheBeginningOfTheTrainedChat) {
  const Tokenizer tokenizer = test::letter_tokenizer_with_bos();
  const auto chat_template = ChatTemplate::from_builtin("chatml");
  Messages question = two_turns();
  question.erase(4);
  const std::vector<int32_t> prompt = encode_prompt(chat_template, tokenizer, question);
  const EncodedChat chat = only_chat(chat_template, tokenizer, two_turns());
  ASSERT_LT(prompt.size(), chat.ids.size());
  EXPECT_TRUE(std::equal(prompt.begin(), prompt.end(), chat.ids.begin()));
  EXPECT_EQ(chat.turn[prompt.size() - 1], -1);
  EXPECT_EQ(chat.turn[prompt.size()], 1);
}

TEST(ConversationMasks, ATokenNeverReachesOverTheBeginningOfAReply) {
  const Tokenizer tokenizer = test::byte_tokenizer({"<|im_start|>", "<|im_end|>"}, {"Ċ Ċ"});
  ASSERT_EQ(tokenizer.encode("\n\n").size(), 1u);
  const auto chat_template = ChatTemplate::from_builtin("chatml");
  const Messages question = Json::array({message("user", "a\n\nb")});
  Messages messages = question;
  messages.push_back(message("assistant", "\nx\n\ny"));
  const EncodedChat chat = only_chat(chat_template, tokenizer, messages);
  EXPECT_EQ(turn_text(tokenizer, chat, 0), "\nx\n\ny<|im_end|>");
  EXPECT_EQ(whole_text(tokenizer, chat), chat_template.render(messages).text);
  const std::vector<int32_t> prompt = encode_prompt(chat_template, tokenizer, question);
  ASSERT_LT(prompt.size(), chat.ids.size());
  EXPECT_TRUE(std::equal(prompt.begin(), prompt.end(), chat.ids.begin()));
  const int32_t pair = tokenizer.encode("\n\n").front();
  EXPECT_EQ(std::count(chat.ids.begin(), chat.ids.end(), pair), 2);  // one in the question, one in the reply
}

TEST(ConversationMasks, WithoutAnAssistantThereIsOnlyContext) {
  const Tokenizer tokenizer = test::letter_tokenizer();
  const EncodedChat chat =
      only_chat(ChatTemplate::from_builtin("chatml"), tokenizer, Json::array({message("user", "q")}));
  EXPECT_EQ(std::count(chat.turn.begin(), chat.turn.end(), -1), static_cast<ptrdiff_t>(chat.ids.size()));
}

TEST(ConversationMasks, RefusalsOfTheTemplateReachTheCaller) {
  const Tokenizer tokenizer = test::letter_tokenizer();
  const auto chat_template = ChatTemplate::from_source("{{ raise_exception('never') }}");
  EXPECT_THROW(encode_conversation(chat_template, tokenizer, two_turns()), UserError);
}

class SharedModels : public testing::TestWithParam<std::string> {};

TEST_P(SharedModels, MasksHoldReplyAndEnd) {
  KEEL_NEED_SHARED("data/tokenizers/" + GetParam() + "/tokenizer.json");
  const auto dir = test::shared_dir() / "data/tokenizers" / GetParam();
  const Tokenizer tokenizer = Tokenizer::from_folder(dir);
  const auto chat_template = ChatTemplate::from_folder(dir);
  const EncodedChat chat = only_chat(chat_template, tokenizer, two_turns());
  EXPECT_EQ(turn_text(tokenizer, chat, 0), "first one<|im_end|>");
  EXPECT_EQ(turn_text(tokenizer, chat, 1), "second<|im_end|>");
  EXPECT_EQ(ends_text(tokenizer, chat), "<|im_end|><|im_end|>");
  EXPECT_EQ(end_of_turn_id(chat_template, tokenizer), tokenizer.token_to_id("<|im_end|>"));
}

INSTANTIATE_TEST_SUITE_P(All, SharedModels, testing::Values("qwen2", "minimind"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace keel
