// Whatever the conversation, the template and the tokenizer: the trained tokens are exactly the replies and
// their ends of turn.
#include <gmock/gmock.h>

#include <random>

#include "data/encode.h"
#include "support/paths.h"
#include "text/builtin_templates.h"
#include "text/small_tokenizer.h"

namespace keel {
namespace {

const std::vector<std::string> kMarkers = {
    "<|im_start|>",      "<|im_end|>",       "<s>",           "</s>",       "<|start_header_id|>",
    "<|end_header_id|>", "<|eot_id|>",       "<bos>",         "<|end|>",    "<start_of_turn>",
    "<end_of_turn>",     "<|user|>",         "<|assistant|>", "<|system|>", "[INST]",
    "[/INST]",           "<|begin_of_text|>"};

// Conversations of random shape. Texts hold blanks at their edges, several scripts, joined emoji, what looks
// like markers or headers, and now and then nothing.
class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  Json messages(bool calls, bool thinking) {
    Json out = Json::array();
    if (one_in(2)) out.push_back({{"role", "system"}, {"content", text()}});
    for (unsigned turns = 1 + random_() % 4; turns > 0; --turns) {
      out.push_back({{"role", "user"}, {"content", text()}});
      if (calls && one_in(3)) {
        out.push_back(reply(thinking));
        out.back()["tool_calls"] = Json::array();
        for (unsigned n = 1 + random_() % 2; n > 0; --n) out.back()["tool_calls"].push_back(call());
        out.push_back({{"role", "tool"}, {"content", text()}});
      }
      out.push_back(reply(thinking));
      if (one_in(5)) out.back()["content"] = out[out.size() - 2]["content"];  // repeats the question
    }
    return out;
  }

 private:
  bool one_in(unsigned n) { return random_() % n == 0; }

  std::string text() {
    static constexpr const char* kPieces[] = {"yes",
                                              " ",
                                              "\n",
                                              "\n\n",
                                              "  two  words ",
                                              "user\n",
                                              "assistant",
                                              "\t",
                                              "医疗咨询",
                                              "é",
                                              "ü. ",
                                              "👩‍🔧",
                                              "🙂",
                                              "<|im_end|>",
                                              "<|im_start|>assistant\n",
                                              "</s>",
                                              "[/INST]",
                                              "### Response:\n",
                                              "<end_of_turn>\n",
                                              "{% generation %}",
                                              "{{ x }}",
                                              "\"q\"",
                                              "\\",
                                              "0123456789",
                                              "—",
                                              "नमस्ते",
                                              "مرحبا",
                                              "\r\n",
                                              "<|eot_id|>"};
    std::string out;
    for (unsigned n = random_() % 7; n > 0; --n) out += kPieces[random_() % std::size(kPieces)];
    return out;
  }

  Json reply(bool thinking) {
    Json message{{"role", "assistant"}, {"content", text()}};
    if (thinking && one_in(2)) message["reasoning_content"] = text();
    return message;
  }

  Json call() {
    return {{"type", "function"},
            {"function", {{"name", "look_up"}, {"arguments", {{"text", text()}, {"n", random_() % 10}}}}}};
  }

  std::mt19937 random_;
};

std::string strip(std::string text, const char* blanks, bool right) {
  const size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string::npos) return "";
  text.erase(0, begin);
  if (right) text.erase(text.find_last_not_of(blanks) + 1);
  return text;
}

// A reply as the template has it, written down from the formats' descriptions.
std::string reply_text(const BuiltinTemplate& known, const Json& message) {
  std::string content = message["content"];
  if (known.name == "llama3" || known.name == "gemma") content = strip(content, " \t\r\n", true);
  if (known.name == "mistral") content = " " + content;
  if (known.thinking) {
    const std::string thought = strip(message.value("reasoning_content", std::string()), "\n", true);
    content = "<think>\n" + thought + "\n</think>\n\n" + strip(content, "\n", false);
  }
  bool first = true;
  for (const Json& call : message.value("tool_calls", Json::array())) {
    const Json& f = call["function"];
    if (!first || !message["content"].get<std::string>().empty()) content += '\n';
    first = false;
    // Python's json.dumps puts a blank behind : and , – these two values have one of each between them.
    const std::string arguments =
        "{\"text\": " + f["arguments"]["text"].dump() + ", \"n\": " + f["arguments"]["n"].dump() + "}";
    content += "<tool_call>\n{\"name\": \"look_up\", \"arguments\": " + arguments + "}\n</tool_call>";
  }
  return content + (known.end_of_turn.empty() ? "</s>" : std::string(known.end_of_turn));
}

std::vector<std::string> trained_turns(const Tokenizer& tokenizer, const EncodedRow& row) {
  std::vector<std::string> out;
  for (const Example& e : row.examples) {
    std::vector<int32_t> ids;
    for (size_t t = 0; t < e.ids.size(); ++t) {
      if (e.weight[t] == 0) continue;
      ids.push_back(e.ids[t]);
      if (e.end_of_turn[t] == 0) continue;
      out.push_back(tokenizer.decode(ids, false));
      ids.clear();
    }
    EXPECT_TRUE(ids.empty()) << "a turn without a trained end: " << tokenizer.decode(ids, false);
  }
  return out;
}

void check(const Tokenizer& tokenizer, const BuiltinTemplate& known, unsigned seed, int conversations) {
  const auto chat_template =
      ChatTemplate::from_builtin(known.name, {.by_name = {{"eos_token", "</s>"}}, .eos_ids = {}});
  Generator generator(seed);
  for (int i = 0; i < conversations; ++i) {
    const Record record{.messages = generator.messages(known.calls, known.thinking)};
    const EncodedRow row =
        encode_chat(record, {.tokenizer = tokenizer, .chat_template = chat_template, .cutoff_len = 1 << 20});
    ASSERT_FALSE(row.refused) << row.refused->found << record.messages.dump();
    std::vector<std::string> want;
    for (const Json& message : record.messages) {
      if (message["role"] == "assistant") want.push_back(reply_text(known, message));
    }
    ASSERT_EQ(trained_turns(tokenizer, row), want) << known.name << " " << record.messages.dump();
    for (const Example& e : row.examples) EXPECT_EQ(e.weight.front(), 0);
  }
}

TEST(TrainedTokens, AreTheRepliesAndTheirEndsOverBytes) {
  const Tokenizer tokenizer = test::byte_tokenizer(kMarkers, {"Ċ Ċ", "Ġ Ġ", "Ġ t"});
  for (const BuiltinTemplate& known : builtin_templates()) check(tokenizer, known, 1, 150);
}

class SharedTokenizer : public testing::TestWithParam<const char*> {};

TEST_P(SharedTokenizer, TrainedTokensAreTheRepliesAndTheirEnds) {
  const std::string folder = std::string("data/tokenizers/") + GetParam();
  KEEL_NEED_SHARED(folder + "/tokenizer.json");
  Tokenizer tokenizer = Tokenizer::from_folder(test::shared_dir() / folder);
  tokenizer.add_tokens(kMarkers, true);
  for (const BuiltinTemplate& known : builtin_templates()) check(tokenizer, known, 2, 60);
}

INSTANTIATE_TEST_SUITE_P(All, SharedTokenizer, testing::Values("qwen2", "llama3"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace keel
