#include "text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "base/error.h"
#include "base/fs.h"
#include "support/error_of.h"
#include "support/paths.h"
#include "text/small_tokenizer.h"

namespace keel {
namespace {

using test::error_of;
using testing::HasSubstr;

std::vector<std::string> read_vectors(const fs::path& path) {
  constexpr std::string_view kSeparator = "\n__ggml_vocab_test__\n";
  const std::string all = read_text(path);
  std::vector<std::string> texts;
  for (size_t at = 0; at < all.size();) {
    const size_t end = std::min(all.find(kSeparator, at), all.size());
    texts.push_back(all.substr(at, end - at));
    at = end + kSeparator.size();
  }
  return texts;
}

std::vector<std::vector<int32_t>> read_ids(const fs::path& path) {
  std::vector<std::vector<int32_t>> rows;
  std::istringstream lines(read_text(path));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    rows.emplace_back(std::istream_iterator<int32_t>(words), std::istream_iterator<int32_t>());
  }
  return rows;
}

struct VectorCase {
  std::string vectors, folder;
};

class TokenizerVectors : public testing::TestWithParam<VectorCase> {};

TEST_P(TokenizerVectors, IdsAreThoseOfThePublishedVectors) {
  const std::string stem = "data/tokenizers/vectors/ggml-vocab-" + GetParam().vectors + ".gguf";
  KEEL_NEED_SHARED(stem + ".inp");
  KEEL_NEED_SHARED("data/tokenizers/" + GetParam().folder + "/tokenizer.json");
  const fs::path shared = test::shared_dir();
  const auto texts = read_vectors(shared / (stem + ".inp"));
  const auto ids = read_ids(shared / (stem + ".out"));
  ASSERT_EQ(texts.size(), 46u);
  ASSERT_EQ(ids.size(), 46u);
  const auto tokenizer = Tokenizer::from_folder(shared / "data/tokenizers" / GetParam().folder);
  for (size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(tokenizer.encode(texts[i]), ids[i]) << "text " << i << ": " << texts[i];
    EXPECT_EQ(tokenizer.decode(ids[i], false), texts[i]) << "text " << i;
  }
  EXPECT_EQ(tokenizer.encode_batch(texts, 2), ids);
}

// llama-spm is left out: the data has no tokenizer.json for it.
INSTANTIATE_TEST_SUITE_P(All, TokenizerVectors,
                         testing::Values(VectorCase{"qwen2", "qwen2"}, VectorCase{"llama-bpe", "llama3"},
                                         VectorCase{"gpt-2", "gpt2"}),
                         [](const auto& info) { return info.param.folder; });

TEST(Tokenizer, OffsetsCoverTheTextWithItsBlanks) {
  for (const std::string name : {"qwen2", "llama3", "gpt2", "minimind"}) {
    KEEL_NEED_SHARED("data/tokenizers/" + name + "/tokenizer.json");
    const auto tokenizer = Tokenizer::from_folder(test::shared_dir() / "data/tokenizers" / name);
    const std::string text = "Ships  may enter: 港口 😀 é.\n\n  42 \t";
    const auto encoding = tokenizer.encode_with_offsets(text);
    ASSERT_EQ(encoding.ids, tokenizer.encode(text)) << name;
    uint32_t end = 0;
    for (size_t i = 0; i < encoding.ids.size(); ++i) {
      // A token begins where the one before ended, or inside the character that the two share.
      EXPECT_LE(encoding.begin_byte[i], end) << name << " token " << i;
      EXPECT_GE(encoding.end_byte[i], end) << name << " token " << i;
      end = encoding.end_byte[i];
    }
    EXPECT_EQ(end, text.size()) << name;
  }
}

TEST(Tokenizer, SmallOneEncodesDecodesAndNamesItsTokens) {
  const Tokenizer tokenizer = test::letter_tokenizer();
  const auto ids = tokenizer.encode("hi</s>");
  ASSERT_EQ(ids.size(), 3u);
  EXPECT_EQ(tokenizer.id_to_token(ids[0]), "h");
  EXPECT_EQ(ids[2], tokenizer.token_to_id("</s>"));
  EXPECT_TRUE(tokenizer.is_special(ids[2]));
  EXPECT_FALSE(tokenizer.is_special(ids[0]));
  EXPECT_FALSE(tokenizer.is_special(-1));
  EXPECT_EQ(tokenizer.decode(ids), "hi");
  EXPECT_EQ(tokenizer.decode(ids, false), "hi</s>");
  EXPECT_EQ(tokenizer.token_to_id("no such"), std::nullopt);
  EXPECT_EQ(tokenizer.vocab_size(), 100);
  EXPECT_EQ(tokenizer.max_id(), 99);
  EXPECT_TRUE(tokenizer.encode("").empty());
  EXPECT_EQ(tokenizer.decode({}), "");
}

TEST(Tokenizer, AddSpecialIsThePostProcessorsPrefix) {
  const Tokenizer tokenizer = test::letter_tokenizer_with_bos();
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("a", true), false), "<s>a");
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("a", false), false), "a");
}

TEST(Tokenizer, BatchesDoNotDependOnThreads) {
  const Tokenizer tokenizer = test::letter_tokenizer();
  std::vector<std::string> texts;
  for (int i = 0; i < 200; ++i)
    texts.push_back(std::string(static_cast<size_t>(i % 17), 'a') + std::to_string(i));
  const auto one = tokenizer.encode_batch(texts, 1);
  EXPECT_EQ(one, tokenizer.encode_batch(texts, 3));
  EXPECT_EQ(one, tokenizer.encode_batch(texts));
  for (size_t i = 0; i < texts.size(); ++i) EXPECT_EQ(tokenizer.decode(one[i]), texts[i]);
  EXPECT_TRUE(tokenizer.encode_batch({}, 4).empty());
}

TEST(Tokenizer, AddedTokensAreSavedAndReadAgain) {
  Tokenizer tokenizer = test::letter_tokenizer();
  const std::vector<std::string> tokens = {"<tool>", "</s>"};
  EXPECT_EQ(tokenizer.add_tokens(tokens, true), 1);
  const test::TempDir dir;
  tokenizer.save(dir.path());
  const Tokenizer again = Tokenizer::from_folder(dir.path());
  EXPECT_EQ(again.token_to_id("<tool>"), 100);
  EXPECT_TRUE(again.is_special(100));
  EXPECT_EQ(again.encode("a<tool>b"), tokenizer.encode("a<tool>b"));
  EXPECT_EQ(again.vocab_size(), 101);
}

TEST(Tokenizer, MissingAndBrokenFilesAreUserErrors) {
  const test::TempDir dir;
  const std::string missing = error_of([&] { Tokenizer::from_folder(dir.path()); });
  EXPECT_THAT(missing, HasSubstr(dir.path().string() + ": no tokenizer.json"));
  EXPECT_THAT(missing, HasSubstr("save_pretrained"));
  write_file(dir / "tokenizer.json", R"({"version": "1.0", "model": {"type": "BPE", "vocab")");
  const std::string cut = error_of([&] { Tokenizer::from_folder(dir.path()); });
  EXPECT_THAT(cut, HasSubstr("tokenizer.json: not a tokenizer: EOF while parsing"));
  EXPECT_THAT(cut, HasSubstr("get the file again"));
  EXPECT_THAT(error_of([] { Tokenizer::from_json("[]"); }), HasSubstr("tokenizer.json: "));
  EXPECT_THAT(error_of([] { Tokenizer::from_json(std::string(10000, '[')); }), HasSubstr("tokenizer.json: "));
}

TEST(Tokenizer, WrongInputIsAUserError) {
  const Tokenizer tokenizer = test::letter_tokenizer();
  EXPECT_THAT(error_of([&] { tokenizer.encode("ab\xff"); }), HasSubstr("text 0: no UTF-8 at byte 2"));
  EXPECT_THAT(error_of([&] { tokenizer.id_to_token(4711); }), HasSubstr("id 4711 is not in the vocabulary"));
  EXPECT_EQ(tokenizer.decode(std::vector<int32_t>{-5, 4711}), "");
}

}  // namespace
}  // namespace keel
