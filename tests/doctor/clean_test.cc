#include "doctor/clean.h"

#include <gtest/gtest.h>

#include "base/fs.h"
#include "corpus/corpus.h"
#include "doctor/support.h"
#include "support/paths.h"

namespace keel {
namespace {

using test::QuestionAnswers;
using test::row_set;
using test::subject_of;
using test::words;

std::vector<std::string> told(const Cleaned& c) {
  std::vector<std::string> out;
  for (const Change& change : c.changes) out.push_back(change.place + " " + change.what + ": " + change.why);
  return out;
}

TEST(Clean, LeavesOutRepeatsAndEmptyReplies) {
  const Subject s =
      subject_of({{"q", words(0, 100)}, {"e", ""}, {"q", words(0, 99) + "x"}, {"q", words(0, 100)}});
  const Cleaned near = clean(s, {});
  EXPECT_EQ(near.rows.size(), 1U);
  EXPECT_EQ(told(near),
            (std::vector<std::string>{"rows.jsonl:2 left out: an empty reply",
                                      "rows.jsonl:3 left out: nearly the same as rows.jsonl:1 (0.98)",
                                      "rows.jsonl:4 left out: repeats rows.jsonl:1"}));
  EXPECT_EQ(clean(s, {.dedup = "exact"}).rows.size(), 2U);
  EXPECT_EQ(clean(s, {.dedup = "none", .drop_empty = false}).rows.size(), 4U);
}

TEST(Clean, LeavesOutWhatValidationHolds) {
  Subject s = subject_of({{"q", words(0, 100)}, {"r", words(500, 60)}, {"s", words(900, 60)}});
  s.validation = examine(row_set({{"q", words(0, 100)}, {"r", words(500, 59) + "y"}}), s.data, nullptr);
  EXPECT_EQ(told(clean(s, {})),
            (std::vector<std::string>{
                "rows.jsonl:1 left out: also in the validation set: rows.jsonl:1",
                "rows.jsonl:2 left out: nearly the same as rows.jsonl:2 of the validation set (0.97)"}));
  EXPECT_EQ(clean(s, {.drop_leaks = false}).rows.size(), 3U);
}

TEST(Clean, CapsStockPhrases) {
  QuestionAnswers rows;
  for (int i = 0; i < 40; ++i)
    rows.emplace_back(words(1000 * i, 5),
                      (i % 2 == 0 ? "I am happy to help you with that. " : "") + words(1000 * i + 99, 24));
  const Cleaned c = clean(subject_of(rows), {.phrase_cap = 0.1});
  int64_t with = 0;
  for (const Json& row : c.rows)
    with += row["messages"][1]["content"].get<std::string>().starts_with("I am happy");
  EXPECT_EQ(with, 2);  // 2 of 22 is at most a tenth, 3 of 23 is more
  EXPECT_EQ(c.rows.size(), 22U);
  EXPECT_EQ(c.changes.size(), 18U);
  EXPECT_EQ(c.changes[0].why, "stock phrase over the cap: “I am happy to help you with that”");
}

TEST(Clean, MasksEverywhereWithoutTellingValues) {
  RowSet rows = row_set({{"mail a@b.org", "call 13812345678 please"}});
  rows.records[0].messages[1]["tool_calls"] = {
      {{"function", {{"name", "f"}, {"arguments", {{"to", "c@d.org"}}}}}}};
  Subject s;
  s.train = examine(std::move(rows), s.data, nullptr);
  const Cleaned c = clean(s, {.mask_personal_data = true});
  ASSERT_EQ(c.rows.size(), 1U);
  EXPECT_EQ(c.masked, 3);
  EXPECT_EQ(told(c), (std::vector<std::string>{"rows.jsonl:1 masked: 2 × e-mail address",
                                               "rows.jsonl:1 masked: 1 × phone number"}));
  EXPECT_EQ(c.rows[0]["messages"][0]["content"], "mail [email]");
  EXPECT_EQ(c.rows[0]["messages"][1]["content"], "call [phone] please");
  EXPECT_EQ(c.rows[0]["messages"][1]["tool_calls"][0]["function"]["arguments"]["to"], "[email]");
  EXPECT_EQ(clean(s, {}).rows[0]["messages"][0]["content"], "mail a@b.org");
}

TEST(Clean, RowsReadBackAsTheSameRecords) {
  const test::TempDir dir;
  Record chat = test::chat_row("q", "a", 1);
  chat.messages.insert(chat.messages.begin(), test::say("system", "S"));
  chat.messages[2]["reasoning_content"] = "why";
  chat.messages[2]["weight"] = 0.5;
  chat.weight = 2;
  write_file(dir / "chat.jsonl", row_of(chat).dump() + "\n");
  const Corpus chats = read_corpus(dir / "chat.jsonl");
  ASSERT_EQ(chats.records.size(), 1U);
  EXPECT_EQ(chats.records[0].messages.dump(), chat.messages.dump());
  EXPECT_EQ(chats.records[0].weight, 2);
  write_file(dir / "text.jsonl", row_of({.text = "plain text"}).dump() + "\n");
  EXPECT_EQ(read_corpus(dir / "text.jsonl").records.at(0).text, "plain text");
}

}  // namespace
}  // namespace keel
