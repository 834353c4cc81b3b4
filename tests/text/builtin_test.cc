// The built-in templates: against what transformers makes of the families' published templates
// (tests/golden/make_builtin_goldens.py), against masks written by hand, and what holds for all of them.
#include "text/builtin_templates.h"

#include <gmock/gmock.h>

#include <map>

#include "base/error.h"
#include "support/paths.h"
#include "text/conversation_mask.h"
#include "text/message.h"
#include "text/small_tokenizer.h"

namespace keel {
namespace {

using test::message;
using ::testing::HasSubstr;

const std::vector<std::string> kMarkers = {"<|im_start|>",
                                           "<|im_end|>",
                                           "<s>",
                                           "</s>",
                                           "<|start_header_id|>",
                                           "<|end_header_id|>",
                                           "<|eot_id|>",
                                           "<start_of_turn>",
                                           "<end_of_turn>",
                                           "<|user|>",
                                           "<|assistant|>",
                                           "<|system|>",
                                           "<|end|>",
                                           "[INST]",
                                           "[/INST]"};

SpecialTokens tokens() { return {.by_name = {{"bos_token", "<s>"}, {"eos_token", "</s>"}}, .eos_ids = {}}; }

Json system_and_two_turns() {
  return Json::array({message("system", "S"), message("user", "q"), message("assistant", "first"),
                      message("user", "r"), message("assistant", "second")});
}

// The text of a chat with its trained parts in { }.
std::string marked(const Tokenizer& tokenizer, const EncodedChat& chat) {
  std::string out;
  for (size_t k = 0; k < chat.ids.size(); ++k) {
    const bool before = k > 0 && chat.turn[k - 1] >= 0, now = chat.turn[k] >= 0;
    if (now && !before) out += '{';
    if (!now && before) out += '}';
    out += tokenizer.decode(std::span(&chat.ids[k], 1), false);
  }
  if (!chat.turn.empty() && chat.turn.back() >= 0) out += '}';
  return out;
}

TEST(BuiltinGoldens, RenderAsTheFamiliesTemplates) {
  const Json document = read_json(test::golden_dir() / "builtin_templates.json");
  ASSERT_GE(document["cases"].size(), 20u);
  for (const Json& golden : document["cases"]) {
    const std::string name = golden["template"], chat = golden["chat"];
    SCOPED_TRACE(name + " / " + chat);
    const auto chat_template = ChatTemplate::from_builtin(name, tokens());
    Json messages = document["chats"][chat];
    EXPECT_EQ(chat_template.render(messages).text, golden["text"].get<std::string>());
    messages.erase(messages.size() - 1);
    EXPECT_EQ(chat_template.render(messages, {.add_generation_prompt = true}).text,
              golden["prompt"].get<std::string>());
  }
}

// transformers marks what stands in {% generation %} blocks, which in the published templates hold the blanks
// around a turn too; ours begin behind the prompt and end with the end of turn.
TEST(BuiltinGoldens, MasksAreThoseOfTransformersButForBlanksAroundTheTurn) {
  const Json document = read_json(test::golden_dir() / "builtin_templates.json");
  ASSERT_EQ(document["markers"].get<std::vector<std::string>>(), kMarkers);
  const Tokenizer tokenizer = test::letter_tokenizer(kMarkers);
  int masks = 0;
  for (const Json& golden : document["cases"]) {
    if (!golden.contains("mask")) continue;
    SCOPED_TRACE(golden["template"].get<std::string>() + " / " + golden["chat"].get<std::string>());
    ++masks;
    const auto chat_template = ChatTemplate::from_builtin(golden["template"].get<std::string>(), tokens());
    const auto chats =
        encode_conversation(chat_template, tokenizer, document["chats"][golden["chat"].get<std::string>()]);
    const EncodedChat& chat = chats.back();  // qwen3 gives one chat a turn; the last is the whole text
    ASSERT_EQ(chat.ids, golden["ids"].get<std::vector<int32_t>>());
    const std::string mask = golden["mask"];
    for (size_t k = 0; k < mask.size(); ++k) {
      const std::string text = tokenizer.decode(std::span(&chat.ids[k], 1), false);
      if (chat.turn[k] >= 0) {
        EXPECT_EQ(mask[k], '1') << k << text;
      } else if (mask[k] == '1' && chats.size() == 1) {
        EXPECT_TRUE(text == "\n" || text == " ") << k << text;
      }
    }
  }
  EXPECT_GE(masks, 10);
}

TEST(Builtin, MasksAsWrittenByHand) {
  const std::map<std::string, std::string> want = {
      {"chatml",
       "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\n"
       "{first<|im_end|>}\n<|im_start|>user\nr<|im_end|>\n<|im_start|>assistant\n{second<|im_end|>}\n"},
      {"llama3",
       "<s><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|><|start_header_id|>user<|end_header_id|>"
       "\n\nq<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n{first<|eot_id|>}<|start_header_id|>"
       "user<|end_header_id|>\n\nr<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
       "{second<|eot_id|>}"},
      {"mistral", "<s>[INST] S\n\nq [/INST]{ first</s>}[INST] r [/INST]{ second</s>}"},
      {"gemma",
       "<s><start_of_turn>user\nS\n\nq<end_of_turn>\n<start_of_turn>model\n{first<end_of_turn>}\n"
       "<start_of_turn>user\nr<end_of_turn>\n<start_of_turn>model\n{second<end_of_turn>}\n"},
      {"phi3",
       "<|system|>\nS<|end|>\n<|user|>\nq<|end|>\n<|assistant|>\n{first<|end|>}\n<|user|>\nr<|end|>\n"
       "<|assistant|>\n{second<|end|>}\n"},
      {"zephyr",
       "<|system|>\nS</s>\n<|user|>\nq</s>\n<|assistant|>\n{first</s>}\n<|user|>\nr</s>\n<|assistant|>\n"
       "{second</s>}\n"},
      {"alpaca",
       "S\n\n### Instruction:\nq\n\n### Response:\n{first</s>}\n\n### Instruction:\nr\n\n### Response:\n"
       "{second</s>}\n\n"},
      {"plain",
       "### System\nS\n\n### User\nq\n\n### Assistant\n{first</s>}\n\n### User\nr\n\n### Assistant\n"
       "{second</s>}\n\n"}};
  const Tokenizer tokenizer = test::letter_tokenizer(kMarkers);
  for (const BuiltinTemplate& known : builtin_templates()) {
    SCOPED_TRACE(known.name);
    if (known.thinking) continue;  // the next test
    const auto chat_template = ChatTemplate::from_builtin(known.name, tokens());
    const auto chats = encode_conversation(chat_template, tokenizer, system_and_two_turns());
    ASSERT_EQ(chats.size(), 1u);
    const auto found = want.find(std::string(known.name));
    // qwen2.5 and smollm2 are chatml once there is a system message.
    EXPECT_EQ(marked(tokenizer, chats[0]), found == want.end() ? want.at("chatml") : found->second);
  }
}

TEST(Builtin, Qwen3TrainsOneTurnASampleBecauseEarlierThinkingGoes) {
  const Tokenizer tokenizer = test::letter_tokenizer(kMarkers);
  const auto chat_template = ChatTemplate::from_builtin("qwen3", tokens());
  Json messages = system_and_two_turns();
  messages[2]["reasoning_content"] = "why";
  messages[4]["content"] = "<think>\nso\n</think>\n\nsecond";
  const auto chats = encode_conversation(chat_template, tokenizer, messages);
  ASSERT_EQ(chats.size(), 2u);
  EXPECT_EQ(marked(tokenizer, chats[0]),
            "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\n"
            "{<think>\nwhy\n</think>\n\nfirst<|im_end|>}\n");
  EXPECT_EQ(marked(tokenizer, chats[1]),
            "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\n"
            "first<|im_end|>\n<|im_start|>user\nr<|im_end|>\n<|im_start|>assistant\n"
            "{<think>\nso\n</think>\n\nsecond<|im_end|>}\n");
}

TEST(Builtin, EveryEndOfTurnIsTrainedAndNoBosStandsTwice) {
  const Tokenizer plain = test::letter_tokenizer(kMarkers);
  for (const BuiltinTemplate& known : builtin_templates()) {
    SCOPED_TRACE(known.name);
    const auto chat_template = ChatTemplate::from_builtin(known.name, tokens());
    const std::string end = known.end_of_turn.empty() ? "</s>" : std::string(known.end_of_turn);
    EXPECT_EQ(end_of_turn_id(chat_template, plain), plain.token_to_id(end));
    int ends = 0;
    for (const EncodedChat& chat : encode_conversation(chat_template, plain, system_and_two_turns())) {
      for (size_t k = 0; k < chat.ids.size(); ++k) {
        if (chat.is_end_of_turn[k] == 0) continue;
        ++ends;
        EXPECT_GE(chat.turn[k], 0);
        EXPECT_EQ(plain.id_to_token(chat.ids[k]), end);
      }
    }
    EXPECT_EQ(ends, 2);
    const Tokenizer with_bos = test::letter_tokenizer_with_bos();
    for (const EncodedChat& chat : encode_conversation(chat_template, with_bos, system_and_two_turns())) {
      EXPECT_EQ(with_bos.id_to_token(chat.ids[0]), "<s>");
      EXPECT_EQ(std::ranges::count(chat.ids, chat.ids[0]), 1);
    }
  }
}

std::string refusal(std::string_view name, const Json& messages) {
  try {
    ChatTemplate::from_builtin(name, tokens()).render(messages);
  } catch (const UserError& error) {
    return error.text().found;
  }
  return "";
}

TEST(Builtin, WhatATemplateHasNoPlaceForIsRefusedNotDropped) {
  Json thinking = system_and_two_turns(), calling = system_and_two_turns();
  thinking[2]["reasoning_content"] = "why";
  calling[2]["tool_calls"] = Json::array({{{"function", {{"name", "f"}, {"arguments", Json::object()}}}}});
  for (const BuiltinTemplate& known : builtin_templates()) {
    SCOPED_TRACE(known.name);
    const std::string no_thinking = refusal(known.name, thinking), no_calls = refusal(known.name, calling);
    EXPECT_THAT(no_thinking,
                HasSubstr(known.thinking ? "" : "no place for reasoning_content; qwen3 has one"));
    EXPECT_EQ(no_thinking.empty(), known.thinking);
    EXPECT_THAT(no_calls, HasSubstr(known.calls ? "" : "no place for tool calls; chatml, qwen2.5"));
    EXPECT_EQ(no_calls.empty(), known.calls);
  }
}

}  // namespace
}  // namespace keel
