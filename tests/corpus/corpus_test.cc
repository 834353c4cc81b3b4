// Files in, records out: each schema, each kind of file, each kind of bad row with its text.
#include "corpus/corpus.h"

#include <gmock/gmock.h>

#include <cstring>

#include "base/error.h"
#include "base/fs.h"
#include "support/error_of.h"
#include "support/paths.h"

namespace keel {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Json say(const char* role, const char* content) { return {{"role", role}, {"content", content}}; }

std::string shown(const Rejection& r) { return r.field + " | " + r.found + " | " + r.wanted; }

class CorpusTest : public ::testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& bytes) {
    make_folders((dir_ / name).parent_path());
    write_file(dir_ / name, bytes);
    return (dir_ / name).string();
  }

  Record one(const std::string& row) {
    const Corpus corpus = read_corpus(file("one.jsonl", row + "\n"));
    EXPECT_EQ(corpus.records.size(), 1U);
    return corpus.records.at(0);
  }

  // What a bad row is said to be, when it stands before a good one.
  std::string fault(const std::string& row, const CorpusOptions& given = {}) {
    CorpusOptions options = given;
    options.max_rejected = 1;
    const std::string good = R"({"instruction":"a","output":"b"})";
    const Corpus corpus = read_corpus(file("bad.jsonl", row + "\n" + good + "\n"), options);
    if (corpus.rejections.size() != 1) return "not rejected";
    EXPECT_THAT(corpus.rejections[0].place, HasSubstr("bad.jsonl:1"));
    return shown(corpus.rejections[0]);
  }

  // On one line, without the folder of the test.
  template <class Work>
  std::string error(Work work) {
    std::string text = test::error_of(work);
    for (size_t at; (at = text.find(dir_.path().string() + "/")) != std::string::npos;)
      text.erase(at, dir_.path().string().size() + 1);
    for (const auto& [from, to] :
         {std::pair("\n  wanted: ", "; wanted "), std::pair("\n  try:    ", "; try: ")})
      if (const size_t at = text.find(from); at != std::string::npos) text.replace(at, strlen(from), to);
    return text;
  }

  test::TempDir dir_;
};

TEST_F(CorpusTest, ReadsAlpaca) {
  const Record r = one(
      R"({"instruction":"Add.","input":"1+1","output":"2","system":"Be short.","history":[["hi","hello"]],"weight":0.5})");
  EXPECT_EQ(r.messages, Json({say("system", "Be short."), say("user", "hi"), say("assistant", "hello"),
                              say("user", "Add.\n1+1"), say("assistant", "2")}));
  EXPECT_EQ(r.weight, 0.5);
  EXPECT_TRUE(r.tools.is_null());
  EXPECT_THAT(r.place, HasSubstr("one.jsonl:1"));
  const Record plain = one(R"({"instruction":"Add.","input":"","output":"2","history":[],"system":null})");
  EXPECT_EQ(plain.messages, Json({say("user", "Add."), say("assistant", "2")}));
}

TEST_F(CorpusTest, ReadsOpenAiMessages) {
  const Record r =
      one(R"({"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"yo","weight":0},)"
          R"({"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},)"
          R"({"role":"assistant","content":null,"train":true,"tool_calls":[{"id":"c1","type":"function",)"
          R"("function":{"name":"f","arguments":"{\"x\": 1}"}}]},)"
          R"({"role":"tool","tool_call_id":"c1","content":"2"},)"
          R"({"role":"assistant","content":"two","reasoning_content":"so"},{"role":"user","content":"bye"}],)"
          R"("tools":[{"name":"f","parameters":{}}]})");
  Json unheard = say("assistant", "yo");
  unheard["weight"] = 0.0;
  Json call = say("assistant", "");
  call["tool_calls"] = Json::array(
      {{{"type", "function"}, {"function", {{"name", "f"}, {"arguments", {{"x", 1}}}}}, {"id", "c1"}}});
  call["weight"] = 1.0;
  Json tool = say("tool", "2");
  tool["tool_call_id"] = "c1";
  Json last = say("assistant", "two");
  last["reasoning_content"] = "so";
  // The question that nobody answers is dropped.
  EXPECT_EQ(r.messages, Json({say("user", "hi"), unheard, say("user", "ab"), call, tool, last}));
  EXPECT_EQ(
      r.tools,
      Json::array({{{"type", "function"}, {"function", {{"name", "f"}, {"parameters", Json::object()}}}}}));
}

TEST_F(CorpusTest, ReadsPartsWithReasoningAndCalls) {
  const Record r = one(
      R"({"messages":[{"role":"user","content":[{"type":"text","value":"q"}],"loss_weight":0.0},)"
      R"({"role":"assistant","content":[{"type":"reasoning","value":"hm"},)"
      R"({"type":"tool_call","value":"{\"name\":\"f\",\"arguments\":{}}"}],"loss_weight":2}],"tools":""})");
  Json call = say("assistant", "");
  call["reasoning_content"] = "hm";
  call["tool_calls"] =
      Json::array({{{"type", "function"}, {"function", {{"name", "f"}, {"arguments", Json::object()}}}}});
  call["weight"] = 2.0;
  EXPECT_EQ(r.messages, Json({say("user", "q"), call}));
  EXPECT_TRUE(r.tools.is_null());
}

TEST_F(CorpusTest, ReadsShareGpt) {
  const Record r =
      one(R"({"conversations":[{"from":"system","value":"s"},{"from":"human","value":"q"},)"
          R"({"from":"function_call","value":"{\"name\":\"f\",\"arguments\":{\"x\":1}}"},)"
          R"({"from":"observation","value":"o"},{"from":"gpt","value":"a"}],"tools":"[{\"name\":\"f\"}]"})");
  Json call = say("assistant", "");
  call["tool_calls"] =
      Json::array({{{"type", "function"}, {"function", {{"name", "f"}, {"arguments", {{"x", 1}}}}}}});
  EXPECT_EQ(r.messages,
            Json({say("system", "s"), say("user", "q"), call, say("tool", "o"), say("assistant", "a")}));
  EXPECT_EQ(r.tools, Json::array({{{"type", "function"}, {"function", {{"name", "f"}}}}}));
}

TEST_F(CorpusTest, ReadsPromptCompletionDialogueAndText) {
  for (const char* row : {R"({"prompt":"q","completion":"a"})", R"({"prompt":"q","response":"a"})",
                          R"({"question":"q","answer":"a"})"})
    EXPECT_EQ(one(row).messages, Json({say("user", "q"), say("assistant", "a")})) << row;
  EXPECT_EQ(one(R"({"query":"x","history":["[A] q","[B] a","[A] r","[B] b"]})").messages,
            Json({say("user", "q"), say("assistant", "a"), say("user", "r"), say("assistant", "b")}));
  EXPECT_EQ(one(R"({"history":["[A] q","[B] a","[B] b","[A] r","[B] c"]})").messages,
            Json({say("user", "q"), say("assistant", "a\nb"), say("user", "r"), say("assistant", "c")}))
      << "the marks say who speaks";
  EXPECT_EQ(one(R"({"history":["[A] q","a"]})").messages, Json({say("user", "[A] q"), say("assistant", "a")}))
      << "not every text has a mark: they stay as they are";
  const Record text = one(R"({"text":"Once upon a time."})");
  EXPECT_EQ(text.text, "Once upon a time.");
  EXPECT_TRUE(text.messages.empty());
}

TEST_F(CorpusTest, TellsKindsOfFilesByTheirContent) {
  const std::string row = R"({"prompt":"q","completion":"a"})";
  const std::string lines = "\xEF\xBB\xBF" + row + "\r\n\r\n" + row;
  const Corpus a = read_corpus(file("lines.json", lines));
  ASSERT_EQ(a.records.size(), 2U);
  EXPECT_THAT(a.records[1].place, HasSubstr("lines.json:3"));
  EXPECT_EQ(a.schema, "prompt_completion");
  const Corpus b = read_corpus(file("array.jsonl", "\n[\n" + row + ",\n\n" + row + "\n]\n"));
  ASSERT_EQ(b.records.size(), 2U);
  EXPECT_THAT(b.records[0].place, HasSubstr("array.jsonl:3"));
  EXPECT_THAT(b.records[1].place, HasSubstr("array.jsonl:5"));
  EXPECT_NE(a.hash, b.hash);
  EXPECT_EQ(a.hash.size(), 16U);
  const Corpus c = read_corpus(file("story.txt", "[Once]\n\nThe end.\n"));
  ASSERT_EQ(c.records.size(), 1U);
  EXPECT_EQ(c.records[0].text, "[Once]\n\nThe end.\n");
  EXPECT_EQ(
      error([&] { read_corpus(file("a.md", "x,y\n1,2\n")); }),
      "a.md: no kind of file that Keel reads; wanted Parquet, a JSON array, JSON lines, or a .csv, .tsv "
      "or .txt file");
}

TEST_F(CorpusTest, FoldersAndGlobsComeInOrderOfNames) {
  file("set/b.jsonl", R"({"prompt":"2","completion":"a"})");
  file("set/a/z.json", R"([{"prompt":"1","completion":"a"}])");
  file("set/c.txt", "three");
  file("set/dataset_info.json", "{}");
  file("set/notes.md", "no data");
  const Corpus all = read_corpus(dir_ / "set");
  ASSERT_EQ(all.records.size(), 3U);
  EXPECT_EQ(all.records[0].messages[0]["content"], "1");
  EXPECT_EQ(all.records[1].messages[0]["content"], "2");
  EXPECT_EQ(all.records[2].text, "three");
  EXPECT_EQ(all.schema, "prompt_completion+text");
  EXPECT_EQ(read_corpus(dir_ / "set/*.jsonl").records.size(), 1U);
  EXPECT_THAT(error([&] { read_corpus(dir_ / "set/*.ndjson"); }), HasSubstr("no data file in it"));
}

TEST_F(CorpusTest, BadRowsSayWhatIsWrong) {
  EXPECT_EQ(fault(R"({"instruction":"a","output":12})"), "output | the number 12 | text");
  EXPECT_EQ(fault(R"({"instruction":null,"output":"b"})"), "instruction | null | text");
  EXPECT_EQ(fault(R"({"instruction":"a"})"), "output | no such field | text");
  EXPECT_EQ(fault(R"({"instruction":"a","output":" \n"})"), "output | an empty text | a reply");
  EXPECT_EQ(fault(R"({"instruction":" ","output":"b"})"), "instruction | an empty text | a question");
  EXPECT_EQ(fault(R"({"instruction":"a","output":"b","history":[["x"]]})"),
            "history[0] | a list of 1 | a pair of question and answer");
  EXPECT_EQ(fault(R"({"instruction":"a","output":"b","weight":-1})"),
            "weight | the number -1 | a number from 0");
  EXPECT_EQ(fault(R"({"question":"a"})"), "completion | no such field | text");
  EXPECT_EQ(fault(R"({"text":""})"), "text | an empty text | text");
}

TEST_F(CorpusTest, BadConversationsSayWhatIsWrong) {
  const auto chat = [&](const std::string& messages) { return fault(R"({"messages":)" + messages + "}"); };
  EXPECT_EQ(chat("7"), "messages | the number 7 | a list of messages");
  EXPECT_EQ(chat("[]"), "messages | no reply | a message of the assistant");
  EXPECT_EQ(chat(R"(["hi"])"), "messages[0] | the text \"hi\" | an object with role and content");
  EXPECT_EQ(chat(R"([{"role":"user","content":"a"}])"), "messages | no reply | a message of the assistant");
  EXPECT_EQ(chat(R"([{"role":"narrator","content":"a"}])"),
            "messages[0].role | the text \"narrator\" | system, user, assistant or tool");
  EXPECT_EQ(chat(R"([{"role":"user","content":{"a":1,"b":2}}])"),
            "messages[0].content | an object with a, b | text");
  EXPECT_EQ(chat(R"([{"role":"user","content":[{"type":"image_url","url":"x"}]}])"),
            "messages[0].content[0].type | a part of type image_url | text");
  EXPECT_EQ(chat(R"([{"role":"assistant","content":"a"}])"),
            "messages[0] | assistant first | system or user first");
  EXPECT_EQ(chat(R"([{"role":"user","content":"a"},{"role":"user","content":"b"}])"),
            "messages[1] | user after user | assistant after user");
  EXPECT_EQ(chat(R"([{"role":"user","content":"a"},{"role":"assistant","content":"b"},)"
                 R"({"role":"assistant","content":"c"}])"),
            "messages[2] | assistant after assistant | user or tool after assistant");
  EXPECT_EQ(chat(R"([{"role":"user","content":"a"},{"role":"assistant","content":""}])"),
            "messages[1] | an empty text | a reply");
  EXPECT_EQ(chat(R"([{"role":"user","content":"a"},{"role":"assistant","content":"b","weight":"x"}])"),
            "messages[1].weight | the text \"x\" | a number, true or false");
  EXPECT_EQ(chat(R"([{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"name":"f",)"
                 R"("arguments":"{"}]}])"),
            "messages[1].tool_calls[0].arguments | the text \"{\" | a JSON object");
  EXPECT_EQ(fault(R"({"conversations":[{"from":"human","value":"a"},{"from":"function_call","value":"f"}]})"),
            "conversations[1].value | the text \"f\" | a call with name and arguments");
  EXPECT_EQ(fault(R"({"conversations":[{"from":"bot","value":"a"}]})"),
            "conversations[0].from | the text \"bot\" | system, human, gpt, function_call or observation");
  EXPECT_EQ(fault(R"({"conversations":[{"from":"human","value":3}]})"),
            "conversations[0].value | the number 3 | text");
}

TEST_F(CorpusTest, BrokenTextSaysWhere) {
  EXPECT_EQ(fault("{\"instruction\":\"\xFF\",\"output\":\"b\"}"), " | bytes that are not UTF-8 | UTF-8 text");
  EXPECT_EQ(fault(R"({"instruction":"a","output":"b)"),
            " | broken JSON at byte 30 of the row | one JSON object");
  EXPECT_EQ(fault(R"({"instruction":"a"} {"output":"b"})"),
            " | broken JSON at byte 21 of the row | one JSON object");
  EXPECT_EQ(fault("{\"x\":" + std::string(200, '[') + std::string(200, ']') + "}"),
            " | values nested deeper than 100 | a flat row");
}

TEST_F(CorpusTest, BrokenArraysLoseOnlyTheBrokenRows) {
  const std::string row = R"({"prompt":"q","completion":"a"})";
  const auto read = [&](const std::string& bytes) {
    const Corpus c = read_corpus(file("array.json", bytes), {.max_rejected = 1});
    std::vector<std::string> lines;
    for (const Rejection& r : c.rejections)
      lines.push_back(r.place.substr(r.place.rfind(':') + 1) + " " + r.found);
    return std::pair(c.records.size(), lines);
  };
  EXPECT_EQ(read("[" + row + ",\n3,\n{\"prompt\" \"x\"},\n" + row + "]"),
            std::pair(size_t{2},
                      std::vector<std::string>{"2 the number 3", "3 broken JSON at byte 13 of the row"}));
  EXPECT_EQ(read("[" + row + ",\n{\"prompt\":\"cut"),
            std::pair(size_t{1}, std::vector<std::string>{"2 broken JSON at byte 14 of the row"}));
  EXPECT_EQ(read("[" + row + ",\n" + row),
            std::pair(size_t{2}, std::vector<std::string>{"2 broken JSON at byte 0 of the row"}));
  EXPECT_EQ(read("[" + row + "]\nxyz"),
            std::pair(size_t{1}, std::vector<std::string>{"2 broken JSON at byte 1 of the row"}));
}

TEST_F(CorpusTest, UnknownRowsNameFieldsAndSchemas) {
  EXPECT_EQ(fault(R"({"titel":"a","inhalt":"b"})"),
            " | an object with titel, inhalt | the fields of a known schema, or columns that say which is "
            "which: openai (messages); sharegpt "
            "(conversations); alpaca (instruction, output); prompt_completion (prompt, completion); dialogue "
            "(history); speakers (turns); text (text)");
}

TEST_F(CorpusTest, ReadsPreferencePairsAndLabels) {
  const Json good({say("user", "q"), say("assistant", "a")}), bad({say("user", "q"), say("assistant", "b")});
  for (const char* row :
       {R"({"prompt":"q","chosen":"a","rejected":"b"})", R"({"instruction":"q","chosen":"a","rejected":"b"})",
        R"({"conversations":[{"from":"human","value":"q"}],"chosen":{"from":"gpt","value":"a"},)"
        R"("rejected":{"from":"gpt","value":"b"}})",
        R"({"messages":[{"role":"user","content":"q"}],"chosen":{"role":"assistant","content":"a"},)"
        R"("rejected":{"role":"assistant","content":"b"}})",
        R"({"prompt":"q","chosen":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],)"
        R"("rejected":[{"role":"user","content":"q"},{"role":"assistant","content":"b"}]})"}) {
    const Record r = one(row);
    EXPECT_EQ(r.messages, good) << row;
    EXPECT_EQ(r.rejected, bad) << row;
    EXPECT_FALSE(r.label);
  }
  for (const char* row : {R"({"prompt":"q","completion":"a","label":false})",
                          R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],)"
                          R"("label":false})"}) {
    const Record r = one(row);
    EXPECT_EQ(r.messages, good) << row;
    EXPECT_TRUE(r.rejected.is_null());
    EXPECT_EQ(r.label, false);
  }
  EXPECT_EQ(fault(R"({"prompt":"q","chosen":"a"})"), "rejected | no such field | a reply");
  EXPECT_EQ(fault(R"({"prompt":"q","chosen":"a","rejected":""})"),
            "rejected: completion | an empty text | a reply");
  EXPECT_EQ(fault(R"({"conversations":[],"chosen":{},"rejected":{}})"),
            "chosen: conversations[0].from | no such field | text");
}

TEST_F(CorpusTest, ReadsBelleConversations) {
  EXPECT_EQ(one(R"({"instruction":"Human:q\nAssistant: a\nHuman: r\ns\nAssistant:","input":"","output":"b"})")
                .messages,
            Json({say("user", "q"), say("assistant", "a"), say("user", "r\ns"), say("assistant", "b")}));
  EXPECT_EQ(
      one(R"({"conversations":[{"from":"human","value":"q"},{"from":"assistant","value":"a"}]})").messages,
      Json({say("user", "q"), say("assistant", "a")}));
  EXPECT_EQ(fault(R"({"instruction":"Human:q\nAssistant:a\nHuman:r","output":"b"})"),
            "instruction | a conversation that ends with Human: | Assistant: at its end, before the output");
}

TEST_F(CorpusTest, FieldsGivenTwiceAreBadRows) {
  EXPECT_EQ(fault(R"({"instruction":"a","output":"b","output":"c"})"),
            "output | the same field twice in one object | each field once");
  EXPECT_EQ(fault(R"({"messages":[{"role":"user","content":"a:b","role":"assistant"}]})"),
            "role | the same field twice in one object | each field once");
  EXPECT_EQ(
      one(R"({"prompt":"a:\":b","completion":"{\"x\":1}","more":{"prompt":[{"y":{}}]}})").messages.size(),
      2U);
}

TEST_F(CorpusTest, NullsInsideAreNamedWithTheirPlace) {
  EXPECT_EQ(fault(R"({"messages":[{"role":"user","content":"a"},null]})"),
            "messages[1] | null | an object with role and content");
  EXPECT_EQ(fault(R"({"messages":[{"role":"user","content":null}]})"), "messages[0].content | null | text");
  EXPECT_EQ(fault(R"({"conversations":[{"from":"human","value":null}]})"),
            "conversations[0].value | null | text");
  EXPECT_EQ(fault(R"({"messages":[{"role":null,"content":"a"}]})"), "messages[0].role | null | text");
  EXPECT_EQ(fault(R"({"instruction":"a","output":"b","history":[["q",null]]})"),
            "history[0] | a list of 2 | a pair of question and answer");
}

TEST_F(CorpusTest, ALineOf100MegabytesIsARowLikeAnyOther) {
  const std::string good = R"({"prompt":"q","completion":"a"})";
  const std::string long_text(100 << 20, 'x');
  const std::string path = file("long.jsonl", good + "\n{\"prompt\":\"q\",\"completion\":\"" + long_text +
                                                  "\"}\n{\"prompt\":\"" + long_text + "\n" + good + "\n");
  const Corpus corpus = read_corpus(path, {.max_rejected = 1});
  ASSERT_EQ(corpus.records.size(), 3U);
  EXPECT_EQ(corpus.records[1].messages[1]["content"].get_ref<const std::string&>().size(), long_text.size());
  ASSERT_EQ(corpus.rejections.size(), 1U);
  EXPECT_EQ(corpus.rejections[0].place, path + ":3");
  EXPECT_EQ(shown(corpus.rejections[0]), " | broken JSON at byte " + std::to_string(long_text.size() + 11) +
                                             " of the row | one JSON object");
}

TEST_F(CorpusTest, TooManyBadRowsStopWithCounts) {
  std::string bytes;
  for (int i = 0; i < 97; ++i)
    bytes += R"({"prompt":"q","completion":"a"})"
             "\n";
  bytes += R"({"messages":[{"role":"user","content":1}]})"
           "\n";
  bytes += R"({"messages":[{"role":"user","content":"x"},{"role":"assistant","content":2}]})"
           "\n";
  bytes += "{\n";
  const std::string path = file("rows.jsonl", bytes);
  std::vector<std::string> told;
  const RejectionSink sink = [&](const Rejection& r) { told.push_back(r.found); };
  EXPECT_EQ(error([&] { read_corpus(path, {.sink = sink}); }),
            "rows.jsonl: 3 of 100 rows are bad: 2 × messages[].content: the number 1, wanted text "
            "(first at rows.jsonl:98); 1 × broken JSON at byte 1 of the row, wanted one JSON object (first "
            "at rows.jsonl:100); wanted at most 1 % bad rows; try: mend or remove these rows, or raise "
            "max_rejected");
  EXPECT_THAT(told, ElementsAre("the number 1", "the number 2", "broken JSON at byte 1 of the row"));
  EXPECT_EQ(read_corpus(path, {.max_rejected = 0.03}).rejections.size(), 3U);
  EXPECT_EQ(error([&] { read_corpus(path, {.max_rejected = 1, .strict = true}); }),
            "rows.jsonl:98: messages[0].content: the number 1; wanted text; try: strict: true stops at "
            "the first bad row");
  EXPECT_EQ(to_json(Rejection{"p", "f", "x", "y"}).dump(),
            R"({"place":"p","field":"f","found":"x","wanted":"y"})");
}

TEST_F(CorpusTest, NothingToReadIsAnError) {
  EXPECT_EQ(error([&] { read_corpus(file("empty.jsonl", "")); }),
            "empty.jsonl: no rows; wanted at least one");
  EXPECT_EQ(error([&] { read_corpus(file("empty.json", " [ ]\n")); }),
            "empty.json: no rows; wanted at least one");
  EXPECT_EQ(error([&] { read_corpus(file("empty.txt", "\n\n")); }),
            "empty.txt: no rows; wanted at least one");
  EXPECT_THAT(error([&] { read_corpus(dir_ / "gone.json"); }), HasSubstr("gone.json"));
}

TEST_F(CorpusTest, MaxRowsCountsRows) {
  const std::string row = R"({"prompt":"q","completion":"a"})";
  EXPECT_EQ(read_corpus(file("a.jsonl", row + "\n" + row + "\n" + row), {.max_rows = 2}).records.size(), 2U);
  EXPECT_EQ(read_corpus(file("a.json", "[" + row + "," + row + "]"), {.max_rows = 1}).records.size(), 1U);
}

TEST_F(CorpusTest, DatasetInfoNamesFilesFieldsAndTags) {
  file("data/dataset_info.json", R"({
    "qa": {"file_name": "qa.json", "columns": {"prompt": "frage", "response": "antwort"}},
    "chat": {"file_name": "chat.json", "formatting": "sharegpt", "columns": {"messages": "messages"},
             "tags": {"role_tag": "role", "content_tag": "content", "user_tag": "u", "assistant_tag": "b"}},
    "wiki": {"file_name": "wiki.json", "columns": {"prompt": "body"}},
    "pairs": {"file_name": "p.json", "ranking": true},
    "remote": {"hf_hub_url": "x/y"}})");
  file("data/qa.json", R"([{"frage":"q","antwort":"a","input":"ignored"}])");
  file("data/chat.json", R"([{"messages":[{"role":"u","content":"q"},{"role":"b","content":"a"}]}])");
  file("data/wiki.json", R"([{"body":"words"}])");
  const fs::path dir = dir_ / "data";
  const Json qa({say("user", "q"), say("assistant", "a")});
  EXPECT_EQ(read_dataset("qa", dir).records.at(0).messages, qa);
  EXPECT_EQ(read_dataset("chat", dir).records.at(0).messages, qa);
  EXPECT_EQ(read_dataset("wiki", dir).records.at(0).text, "words");
  EXPECT_EQ(read_dataset("wiki.json", dir, {.columns = {{"body", "text"}}}).records.at(0).text, "words");
  EXPECT_THAT(error([&] { read_dataset("pairs", dir); }), HasSubstr("preference data"));
  EXPECT_THAT(error([&] { read_dataset("remote", dir); }), HasSubstr("no file_name"));
  EXPECT_THAT(error([&] { read_dataset("caht", dir); }), HasSubstr("did you mean chat?"));
  EXPECT_EQ(error([&] { read_dataset("nowhere.json", {}); }),
            "dataset nowhere.json: no such file or folder; wanted a file, a folder, a glob or a name of "
            "dataset_info.json");
}

TEST(ExampleData, LoadsWithoutABadRow) {
  for (const char* name :
       {"examples/harbor/train.jsonl", "examples/harbor/heldout.jsonl", "examples/general/text.jsonl"}) {
    const Corpus corpus = read_corpus(test::source_dir() / name, {.strict = true});
    EXPECT_GT(corpus.records.size(), 10U) << name;
  }
}

TEST(SharedData, EveryFileLoadsOrSaysWhyNot) {
  KEEL_NEED_SHARED("data/sft");
  const auto load = [](const fs::path& path) {
    const Corpus c = read_corpus(path);
    int64_t turns = 0;
    for (const Record& r : c.records)
      for (const Json& m : r.messages) turns += m["role"] == "assistant";
    printf("%-32s %-18s rows %6zu  bad %3zu  turns %6ld\n", path.filename().c_str(), c.schema.c_str(),
           c.records.size(), c.rejections.size(), turns);
    return c.records.size();
  };
  for (const auto& entry : fs::directory_iterator(test::shared_dir() / "data/sft")) {
    const std::string name = entry.path().filename();
    EXPECT_GT(load(entry.path()), 0U) << name;
  }
  for (const char* name : {"text/c4_demo.jsonl", "text/wiki_demo.txt", "eval/gsm8k_test.jsonl"})
    EXPECT_GT(load(test::shared_dir() / "data" / name), 0U);
}

}  // namespace
}  // namespace keel
