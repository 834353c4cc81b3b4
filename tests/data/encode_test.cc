// Chats and texts as examples: what is trained, with which weight, and what happens to rows that are too
// long.
#include "data/encode.h"

#include <gmock/gmock.h>

#include <fstream>
#include <random>

#include "base/error.h"
#include "support/paths.h"
#include "text/small_tokenizer.h"

namespace keel {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Json say(const char* role, const std::string& content) { return {{"role", role}, {"content", content}}; }

constexpr const char* kDropsThinking =
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' }}"
    "{% if m.reasoning_content and loop.last %}{{ '[' + m.reasoning_content + ']' }}{% endif %}"
    "{{ m.content + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

class Encode : public ::testing::Test {
 protected:
  Record chat(const Json& messages, double weight = 1) {
    return {.messages = messages, .weight = weight, .place = "rows.jsonl:7"};
  }

  EncodeContext context(const ChatTemplate& chat_template) const {
    return {.tokenizer = tokenizer_, .chat_template = chat_template};
  }

  std::string trained(const Example& e) const {
    std::vector<int32_t> ids;
    for (size_t t = 0; t < e.ids.size(); ++t) {
      if (e.weight[t] != 0) ids.push_back(e.ids[t]);
    }
    return tokenizer_.decode(ids, false);
  }

  std::string whole(const Example& e) const { return tokenizer_.decode(e.ids, false); }

  Tokenizer tokenizer_ = test::letter_tokenizer();
  ChatTemplate chatml_ =
      ChatTemplate::from_builtin("chatml", {.by_name = {{"eos_token", "</s>"}}, .eos_ids = {}});
  Json two_turns_ = Json::array({say("system", "S"), say("user", "one"), say("assistant", "first"),
                                 say("user", "two"), say("assistant", "second")});
};

TEST_F(Encode, TrainsAllRepliesWithTheirEndOfTurn) {
  const EncodedRow row = encode_chat(chat(two_turns_), context(chatml_));
  ASSERT_EQ(row.examples.size(), 1U);
  const Example& e = row.examples[0];
  EXPECT_EQ(trained(e), "first<|im_end|>second<|im_end|>");
  EXPECT_EQ(std::ranges::count(e.end_of_turn, 1), 2);
  EXPECT_EQ(e.weight[0], 0);
  EXPECT_EQ(e.place, "rows.jsonl:7");
  EXPECT_EQ(e.conversation_supervised, 0);
  EXPECT_EQ(row.stats.turns, 2);
  EXPECT_EQ(row.stats.supervised, 13);
  EXPECT_EQ(row.stats.tokens, e.size());
  EXPECT_EQ(row.stats.longest, e.size());
}

TEST_F(Encode, ATemplateThatIsStoppedAgainAndAgainIsNoFaultOfTheRows) {
  const ChatTemplate hungry = ChatTemplate::from_source("{{ [1] | batch(1000000000000) }}", {}, "x.jinja");
  for (int i = 0; i < 3; ++i) {
    const EncodedRow row = encode_chat(chat(two_turns_), context(hungry));
    ASSERT_TRUE(row.refused.has_value());
    EXPECT_THAT(row.refused->found, HasSubstr("the template needs more than 256 MiB of memory"));
  }
  EXPECT_THROW(encode_chat(chat(two_turns_), context(hungry)), RunawayTemplate);
}

TEST_F(Encode, WeightsOfMessagesAndRowsMultiply) {
  two_turns_[2]["weight"] = 0.0;
  two_turns_[4]["weight"] = 2.0;
  const EncodedRow row = encode_chat(chat(two_turns_, 0.5), context(chatml_));
  ASSERT_EQ(row.examples.size(), 1U);
  EXPECT_EQ(trained(row.examples[0]), "second<|im_end|>");
  EXPECT_EQ(*std::ranges::max_element(row.examples[0].weight), 1.0F);
  EXPECT_EQ(std::ranges::count(row.examples[0].end_of_turn, 1), 1);
  EXPECT_EQ(row.stats.turns, 1);
  two_turns_[4]["weight"] = 0.0;
  const EncodedRow none = encode_chat(chat(two_turns_), context(chatml_));
  EXPECT_TRUE(none.examples.empty());
  EXPECT_EQ(none.stats.no_label, 1);
  EXPECT_EQ(none.stats.dropped, 0);
}

TEST_F(Encode, TrainOnNamesTheReplies) {
  two_turns_.insert(two_turns_.end(), {say("user", "three"), say("assistant", "third")});
  two_turns_[4]["weight"] = 0.5;
  EncodeContext with = context(chatml_);
  const auto trained_with = [&](const char* train_on) {
    with.train_on = train_on;
    return trained(encode_chat(chat(two_turns_), with).examples.at(0));
  };
  EXPECT_EQ(trained_with("all"), "first<|im_end|>second<|im_end|>third<|im_end|>");
  EXPECT_EQ(trained_with("last"), "third<|im_end|>");
  EXPECT_EQ(trained_with("per_message"), "second<|im_end|>");
  two_turns_[6]["weight"] = 0.0;
  EXPECT_EQ(trained_with("all"), "first<|im_end|>second<|im_end|>");
}

TEST_F(Encode, RowsThatTheWeightsLeaveOutAreToldOfWithTheReason) {
  EncodeContext with = context(chatml_);
  with.train_on = "per_message";
  const EncodedRow unmarked = encode_chat(chat(two_turns_), with);
  EXPECT_TRUE(unmarked.examples.empty());
  EXPECT_EQ(unmarked.stats.no_label, 1);
  EXPECT_EQ(unmarked.stats.rejected, 0);
  ASSERT_TRUE(unmarked.refused);
  EXPECT_EQ(unmarked.refused->found, "no reply marked for train_on: per_message");
  EXPECT_EQ(unmarked.refused->wanted, "a reply with train: true or a weight above 0");
  with.train_on = "last";
  two_turns_[4]["weight"] = 0.0;
  EXPECT_EQ(encode_chat(chat(two_turns_), with).refused->found, "weight 0 at every reply of train_on: last");
  EXPECT_EQ(encode_chat(chat(two_turns_, 0), with).refused->wanted, "a weight above 0");
}

TEST_F(Encode, MasksOfNothingAndOfEverythingAreBadRows) {
  const auto refused = [&](const char* source) {
    const ChatTemplate odd = ChatTemplate::from_source(source, {.by_name = {}, .eos_ids = {}});
    const EncodedRow row = encode_chat(chat(two_turns_), context(odd));
    EXPECT_TRUE(row.examples.empty());
    EXPECT_EQ(row.stats.rejected, 1);
    EXPECT_EQ(row.stats.rows, 0);
    return row.refused ? row.refused->found : "";
  };
  EXPECT_EQ(refused("{% for m in messages %}{{ m.content if m.role == 'user' }}{% endfor %}"),
            "the chat template renders nothing of the replies");
  EXPECT_EQ(refused("<s>{% for m in messages %}{{ m.content if m.role == 'assistant' }}{% endfor %}"),
            "the chat template renders nothing before the first reply: every token would be trained");
}

TEST_F(Encode, ALongReplyIsTrainedUpToTheCap) {
  EncodeContext with = context(chatml_);
  with.max_turn_tokens = 6;  // "first<|im_end|>" is 6 tokens, "second<|im_end|>" 7
  const EncodedRow row = encode_chat(chat(two_turns_), with);
  ASSERT_EQ(row.examples.size(), 1U);
  EXPECT_EQ(trained(row.examples[0]), "first<|im_end|>second");
  EXPECT_EQ(std::ranges::count(row.examples[0].end_of_turn, 1), 1);
  EXPECT_EQ(row.stats.capped_turns, 1);
  EXPECT_EQ(row.stats.capped_tokens, 1);
  EXPECT_EQ(row.stats.turns, 2);
  EXPECT_EQ(row.stats.supervised, 12);
  with.max_turn_tokens = 2;
  const EncodedRow tight = encode_chat(chat(two_turns_), with);
  EXPECT_EQ(trained(tight.examples[0]), "fise");
  EXPECT_EQ(tight.stats.capped_turns, 2);
  EXPECT_EQ(tight.stats.capped_tokens, 9);
  EXPECT_THAT(describe(tight.stats),
              HasSubstr("2 turns cut at max_turn_tokens · 9 tokens of them not trained"));
}

TEST_F(Encode, DefaultSystemStandsBeforeChatsWithoutOne) {
  EncodeContext with = context(chatml_);
  with.default_system = "D";
  EXPECT_THAT(whole(encode_chat(chat(two_turns_), with).examples.at(0)), HasSubstr("system\nS<|im_end|>"));
  const Record bare = chat({say("user", "q"), say("assistant", "a")});
  EXPECT_THAT(whole(encode_chat(bare, with).examples.at(0)), HasSubstr("system\nD<|im_end|>"));
  EXPECT_EQ(whole(encode_chat(bare, context(chatml_)).examples.at(0)).find("system"), std::string::npos);
}

TEST_F(Encode, OldestTurnsAreDroppedUntilTheRestFits) {
  const int64_t full = encode_chat(chat(two_turns_), context(chatml_)).stats.longest;
  EncodeContext tight = context(chatml_);
  tight.cutoff_len = full - 1;
  const EncodedRow row = encode_chat(chat(two_turns_), tight);
  ASSERT_EQ(row.examples.size(), 1U);
  EXPECT_EQ(whole(row.examples[0]),
            "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\ntwo<|im_end|>\n<|im_start|>assistant\n"
            "second<|im_end|>\n");
  EXPECT_EQ(trained(row.examples[0]), "second<|im_end|>");
  EXPECT_EQ(row.stats.over_long, 1);
  EXPECT_EQ(row.stats.dropped, 0);
  EXPECT_EQ(row.stats.cut_turns, 2);
  EXPECT_EQ(row.stats.cut_replies, 1);
  EXPECT_EQ(row.stats.lost_supervised, 6);
  EXPECT_EQ(row.stats.longest, full);
}

TEST_F(Encode, AReplyIsNeverCut) {
  EncodeContext tight = context(chatml_);
  tight.cutoff_len = 30;
  const EncodedRow row = encode_chat(chat(two_turns_), tight);
  EXPECT_TRUE(row.examples.empty());
  EXPECT_EQ(row.stats.dropped, 1);
  EXPECT_EQ(row.stats.cut_turns, 0);
  EXPECT_EQ(row.stats.lost_supervised, 13);
  EXPECT_EQ(row.stats.no_label, 0);
  tight.cutoff_len = 60;
  tight.overlength = "drop";
  EXPECT_TRUE(encode_chat(chat(two_turns_), tight).examples.empty());
  tight.overlength = "error";
  try {
    encode_chat(chat(two_turns_), tight);
    FAIL();
  } catch (const UserError& e) {
    EXPECT_EQ(
        std::string(e.what()),
        "rows.jsonl:7: a row of 70 tokens\n  wanted: at most 60 (cutoff_len)\n  try:    raise the limit, "
        "or choose another overlength");
  }
}

TEST_F(Encode, ATemplateThatChangesEarlierTurnsGivesOneSampleATurn) {
  const ChatTemplate thinking = ChatTemplate::from_source(kDropsThinking);
  two_turns_[2]["reasoning_content"] = "why";
  two_turns_[4]["reasoning_content"] = "so";
  const EncodedRow row = encode_chat(chat(two_turns_), context(thinking));
  ASSERT_EQ(row.examples.size(), 2U);
  EXPECT_EQ(trained(row.examples[0]), "[why]first<|im_end|>");
  EXPECT_EQ(trained(row.examples[1]), "[so]second<|im_end|>");
  for (const Example& e : row.examples) EXPECT_EQ(e.conversation_supervised, 22);
  EXPECT_EQ(row.stats.one_turn_a_sample, 1);
  EXPECT_EQ(row.stats.turns, 2);

  EncodeContext tight = context(thinking);
  tight.cutoff_len = row.examples[1].size() - 1;  // the second turn has to drop the first exchange
  const EncodedRow cut = encode_chat(chat(two_turns_), tight);
  ASSERT_EQ(cut.examples.size(), 2U);
  EXPECT_EQ(trained(cut.examples[0]), "[why]first<|im_end|>");
  EXPECT_EQ(trained(cut.examples[1]), "[so]second<|im_end|>");
  EXPECT_EQ(whole(cut.examples[1]).find("first"), std::string::npos);
  EXPECT_EQ(cut.stats.lost_supervised, 0);
}

TEST_F(Encode, WhatTheTemplateRefusesIsARejection) {
  Record tools = chat(two_turns_);
  tools.tools = Json::array({{{"type", "function"}}});
  const EncodedRow row = encode_chat(tools, context(chatml_));
  ASSERT_TRUE(row.refused);
  EXPECT_EQ(row.refused->place, "rows.jsonl:7");
  EXPECT_THAT(row.refused->found, HasSubstr("no place for tools"));
  EXPECT_EQ(row.refused->wanted, "messages that the chat template takes");
  EXPECT_EQ(row.stats.rejected, 1);
  EXPECT_EQ(row.stats.rows, 0);
}

TEST_F(Encode, TextsEndWithEndOfTextAndKeepEveryLabelAtTheSeams) {
  const Record record{.text = "abcdefgh", .place = "t.txt:1"};
  const EncodedRow row = encode_text(record, context(chatml_));
  ASSERT_EQ(row.examples.size(), 1U);
  EXPECT_EQ(whole(row.examples[0]), "abcdefgh</s>");
  EXPECT_EQ(trained(row.examples[0]), "bcdefgh</s>");
  EncodeContext tight = context(chatml_);
  tight.pack_length = 4;
  const EncodedRow cut = encode_text(record, tight);
  std::vector<std::string> pieces, labels;
  for (const Example& e : cut.examples) {
    pieces.push_back(whole(e));
    labels.push_back(trained(e));
  }
  EXPECT_THAT(pieces, ElementsAre("abcd", "defg", "gh</s>"));
  EXPECT_THAT(labels, ElementsAre("bcd", "efg", "h</s>"));
  EXPECT_EQ(cut.stats.over_long, 1);
  EXPECT_EQ(cut.stats.lost_supervised, 0);
  tight.overlength = "drop";
  EXPECT_EQ(encode_text(record, tight).stats.dropped, 1);
  tight.overlength = "error";
  EXPECT_THROW(encode_text(record, tight), UserError);
}

// Conversations of random shape and content, among them replies that repeat the question or look like a
// header.
Json random_messages(std::mt19937& random) {
  const char* words[] = {"yes", "no", "user\n", "assistant", " two  words ", "<s>", "first", "?", "\n\nx"};
  const auto text = [&] {
    std::string out = "w";
    for (unsigned n = random() % 5; n > 0; --n) out += words[random() % std::size(words)];
    return out;
  };
  Json messages = Json::array();
  if (random() % 2 == 0) messages.push_back(say("system", text()));
  for (unsigned turns = 1 + random() % 4; turns > 0; --turns) {
    messages.push_back(say("user", text()));
    messages.push_back(
        say("assistant", random() % 4 == 0 ? messages.back()["content"].get<std::string>() : text()));
  }
  return messages;
}

std::string replies_with_end(const Json& messages, const std::string& end) {
  std::string out;
  for (const Json& m : messages) {
    if (m["role"] == "assistant") out += m["content"].get<std::string>() + end;
  }
  return out;
}

std::string trained_text(const Tokenizer& tokenizer, const EncodedRow& row) {
  std::vector<int32_t> ids;
  for (const Example& e : row.examples) {
    for (size_t t = 0; t < e.ids.size(); ++t) {
      if (e.weight[t] != 0) ids.push_back(e.ids[t]);
    }
  }
  return tokenizer.decode(ids, false);
}

TEST_F(Encode, TrainedTokensAreTheRepliesAndTheirEnds) {
  std::mt19937 random(7);
  for (int i = 0; i < 200; ++i) {
    const Json messages = random_messages(random);
    EXPECT_EQ(trained_text(tokenizer_, encode_chat(chat(messages), context(chatml_))),
              replies_with_end(messages, "<|im_end|>"))
        << messages.dump();
  }
}

class RealTemplate : public ::testing::TestWithParam<const char*> {};

TEST_P(RealTemplate, TrainedTokensAreTheRepliesAndTheirEnds) {
  const std::string folder = std::string("data/tokenizers/") + GetParam();
  KEEL_NEED_SHARED(folder);
  const Tokenizer tokenizer = Tokenizer::from_folder(test::shared_dir() / folder);
  const ChatTemplate chat_template = ChatTemplate::from_folder(test::shared_dir() / folder);
  std::mt19937 random(11);
  for (int i = 0; i < 100; ++i) {
    const Record record{.messages = random_messages(random)};
    const EncodedRow row = encode_chat(record, {.tokenizer = tokenizer, .chat_template = chat_template});
    ASSERT_FALSE(row.refused) << row.refused->found;
    // Tokens of an empty thinking block stand before a reply where a template writes one; they are the
    // template's.
    std::string text = trained_text(tokenizer, row);
    for (const std::string block = "<think>\n\n</think>\n\n"; text.find(block) != std::string::npos;)
      text.erase(text.find(block), block.size());
    EXPECT_EQ(text, replies_with_end(record.messages, "<|im_end|>")) << record.messages.dump();
  }
}

INSTANTIATE_TEST_SUITE_P(All, RealTemplate, ::testing::Values("qwen2", "minimind"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace keel
