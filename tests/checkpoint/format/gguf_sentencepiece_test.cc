// SentencePiece tokenizers of GGUF files against the sentencepiece package itself
// (tests/golden/make_sentencepiece_goldens.py).
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/fs.h"
#include "base/json.h"
#include "checkpoint/format/gguf.h"
#include "checkpoint/format/gguf_tokenizer.h"
#include "checkpoint/gguf_bytes.h"
#include "support/error_of.h"
#include "support/paths.h"
#include "text/special_tokens.h"
#include "text/tokenizer.h"

namespace keel {
namespace {

using test::error_of;
using test::GgufBytes;

// What a file says of its tokenizer; changed by the tests before it is written.
struct Spm {
  std::vector<std::string> pieces;
  std::vector<float> scores;
  std::vector<int32_t> types;
  int unknown = 0;  // -1: not named
  std::vector<std::pair<std::string, bool>> flags;

  std::string bytes() const {
    GgufBytes out;
    out.start(0, 8 + (unknown >= 0) + flags.size()).word("general.architecture", "llama");
    out.number("llama.context_length", 64).word("tokenizer.ggml.model", "llama");
    out.words("tokenizer.ggml.tokens", pieces).floats("tokenizer.ggml.scores", scores);
    out.integers("tokenizer.ggml.token_type", types);
    out.number("tokenizer.ggml.bos_token_id", 1).number("tokenizer.ggml.eos_token_id", 2);
    if (unknown >= 0) out.number("tokenizer.ggml.unknown_token_id", static_cast<uint32_t>(unknown));
    for (const auto& [name, value] : flags) out.flag("tokenizer.ggml." + name, value);
    return out.done();
  }
  // The 256 bytes, <unk>, <s>, </s> and then the pieces given, which are joined in their order.
  static Spm of(const std::vector<std::string>& own) {
    Spm spm{.pieces = {"<unk>", "<s>", "</s>"}, .scores = {0, 0, 0}, .types = {2, 3, 3}};
    for (int byte = 0; byte < 256; ++byte) spm.add(fmt::format("<0x{:02X}>", byte), 0, 6);
    for (size_t i = 0; i < own.size(); ++i) spm.add(own[i], -static_cast<float>(i), 1);
    return spm;
  }
  void add(const std::string& piece, float score, int32_t type) {
    pieces.push_back(piece);
    scores.push_back(score);
    types.push_back(type);
  }
};

Json tokenizer_json(const std::string& bytes, int64_t rows = 1000) {
  return gguf_tokenizer(parse_gguf(std::as_bytes(std::span(bytes)), "m.gguf"), rows);
}
Tokenizer made_from(const Spm& spm) { return Tokenizer::from_json(tokenizer_json(spm.bytes()).dump()); }

Json golden() { return read_json(test::golden_dir() / "gguf/sentencepiece.json"); }
Spm golden_model(const Json& data) {
  return {.pieces = data.at("pieces").get<std::vector<std::string>>(),
          .scores = data.at("scores").get<std::vector<float>>(),
          .types = data.at("types").get<std::vector<int32_t>>()};
}

class SentencePieceIds : public testing::TestWithParam<bool> {};
TEST_P(SentencePieceIds, AreThoseOfThePackage) {
  const Json data = golden();
  Spm spm = golden_model(data);
  spm.flags = {{"add_space_prefix", GetParam()}};
  const Tokenizer tokenizer = made_from(spm);
  const Json& wanted = data.at(GetParam() ? "with_prefix" : "without_prefix");
  const auto texts = data.at("texts").get<std::vector<std::string>>();
  ASSERT_GE(texts.size(), 60u);
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto ids = wanted.at("ids").at(i).get<std::vector<int32_t>>();
    // A user-defined token at the beginning: SentencePiece writes the blank of the text before it, llama.cpp
    // and tokenizer.json have none there.
    if (texts[i] == "<tool>" && GetParam()) {
      ASSERT_EQ(ids.size(), 2u);
      EXPECT_EQ(tokenizer.encode(texts[i]), std::vector<int32_t>{ids[1]});
      continue;
    }
    EXPECT_EQ(tokenizer.encode(texts[i]), ids) << "text " << i << ": " << texts[i];
    EXPECT_EQ(tokenizer.decode(ids, false), wanted.at("decoded").at(i).get<std::string>())
        << "text " << i << ": " << texts[i];
  }
}
INSTANTIATE_TEST_SUITE_P(Gguf, SentencePieceIds, testing::Bool(),
                         [](const auto& info) { return info.param ? "BlankBefore" : "AsItIs"; });

TEST(SentencePiece, OffsetsCoverTheText) {
  const Tokenizer tokenizer = made_from(golden_model(golden()));
  const std::string text = "  The ferry: 港口 😀 é.\n\n  42 \t";
  const auto encoding = tokenizer.encode_with_offsets(text);
  uint32_t end = 0;
  for (size_t i = 0; i < encoding.ids.size(); ++i) {
    EXPECT_LE(encoding.begin_byte[i], end) << i;
    EXPECT_GE(encoding.end_byte[i], end) << i;
    end = encoding.end_byte[i];
  }
  EXPECT_EQ(end, text.size());
}

TEST(SentencePiece, SpecialAndUserDefinedTokensAreFoundInTheText) {
  const Tokenizer tokenizer = made_from(golden_model(golden()));
  const auto ids = tokenizer.encode("a</s>");
  EXPECT_EQ(ids.back(), 2);
  EXPECT_TRUE(tokenizer.is_special(2));
  EXPECT_TRUE(tokenizer.is_special(0));
  EXPECT_FALSE(tokenizer.is_special(3));
  EXPECT_EQ(tokenizer.encode("a<tool>").back(), 3);
  EXPECT_EQ(tokenizer.decode(ids), "a");
  EXPECT_EQ(tokenizer.decode(ids, false), "a</s>");
}

// aaa can be a+aa and aa+a: the longer left half first, which is how pairs from the left leave it.
TEST(SentencePiece, MergesGoByScoreThenByTheLongerLeftHalf) {
  const Json made = tokenizer_json(Spm::of({"aa", "ab", "aaa", "▁a", "▁", "a", "b"}).bytes());
  EXPECT_EQ(made["model"]["merges"], Json({"a a", "a b", "aa a", "a aa", "▁ a"}));
  Spm ties = Spm::of({"ab", "bbb", "bb", "a", "b"});
  for (size_t i = 259; i < 262; ++i) ties.scores[i] = -1;
  EXPECT_EQ(tokenizer_json(ties.bytes())["model"]["merges"], Json({"bb b", "b bb", "a b", "b b"}))
      << "equal scores of different pieces, as the converter of transformers has them";
}

TEST(SentencePiece, EqualScoresEverywhereMeanTheOrderOfTheVocabulary) {
  Spm spm = Spm::of({"ab", "bc", "abc", "a", "b", "c"});
  const Json ordered = tokenizer_json(spm.bytes());
  for (float& score : spm.scores) score = -1000;
  EXPECT_EQ(tokenizer_json(spm.bytes()), ordered);
}

// Neither control tokens nor bytes can be put together from a text; nor does anything grow out of them.
TEST(SentencePiece, OnlyNormalPiecesAreJoined) {
  Spm spm = Spm::of({"<", "s", ">", "s>", "<s", "x", "y"});
  spm.add("xy", 0, 5);
  spm.add("yx", 0, 4);
  spm.add("[PAD]", 0, 5);
  spm.types[spm.types.size() - 3] = 5;
  const Json made = tokenizer_json(spm.bytes());
  EXPECT_EQ(made["model"]["merges"], Json({"s >", "< s"}));
  EXPECT_FALSE(made["model"]["vocab"].contains("[PAD]"));
}

TEST(SentencePiece, BosAndEosStandAroundATextAsTheFileSays) {
  Spm spm = golden_model(golden());
  const std::vector<int32_t> plain = made_from(spm).encode("a");
  std::vector<int32_t> both = plain;
  both.insert(both.begin(), 1);
  EXPECT_EQ(made_from(spm).encode("a", true), both) << "BOS when the file does not say";
  both.push_back(2);
  spm.flags = {{"add_bos_token", true}, {"add_eos_token", true}};
  EXPECT_EQ(made_from(spm).encode("a", true), both);
  spm.flags = {{"add_bos_token", false}};
  EXPECT_EQ(made_from(spm).encode("a", true), plain);
}

TEST(SentencePiece, ConfigNamesTheSpecialTokens) {
  Spm spm = Spm::of({"a"});
  spm.unknown = -1;  // found by its type
  spm.flags = {{"add_eos_token", true}};
  const std::string bytes = spm.bytes();
  const test::TempDir dir;
  const Json config = gguf_tokenizer_config(parse_gguf(std::as_bytes(std::span(bytes)), "m.gguf"));
  write_file(dir / "tokenizer_config.json", config.dump());
  EXPECT_EQ(config["add_bos_token"], true);
  EXPECT_EQ(config["add_eos_token"], true);
  const SpecialTokens special = load_special_tokens(dir.path());
  EXPECT_EQ(special.get("bos_token"), "<s>");
  EXPECT_EQ(special.get("eos_token"), "</s>");
  EXPECT_EQ(special.get("unk_token"), "<unk>");
  EXPECT_EQ(tokenizer_json(bytes)["model"]["unk_token"], "<unk>");
}

struct BadSpm {
  const char* name;
  void (*spoil)(Spm&);
  std::string error;
};
const std::string kOther = "\n  try:    the file is damaged: take another one";

class BadSentencePiece : public testing::TestWithParam<BadSpm> {};
TEST_P(BadSentencePiece, IsRefusedWithTheReason) {
  Spm spm = Spm::of({"a", "b", "ab"});
  GetParam().spoil(spm);
  EXPECT_EQ(error_of([&] { tokenizer_json(spm.bytes()); }), "m.gguf: " + GetParam().error);
}
INSTANTIATE_TEST_SUITE_P(
    Gguf, BadSentencePiece,
    testing::Values(
        BadSpm{"FewScores", [](Spm& s) { s.scores.pop_back(); },
               "261 scores for 262 tokens\n  wanted: one each" + kOther},
        BadSpm{"ScoreOfNoNumber", [](Spm& s) { s.scores[260] = std::numeric_limits<float>::quiet_NaN(); },
               "token 260 has the score nan\n  wanted: a finite number" + kOther},
        BadSpm{"FewTypes", [](Spm& s) { s.types.pop_back(); },
               "261 token types for 262 tokens\n  wanted: one each" + kOther},
        BadSpm{
            "UnknownType", [](Spm& s) { s.types[259] = 7; },
            "token 259 is of type 7\n  wanted: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 "
            "byte" +
                kOther},
        BadSpm{"NoUnknown",
               [](Spm& s) {
                 s.unknown = -1;
                 s.types[0] = 3;
               },
               "no unknown token\n  wanted: tokenizer.ggml.unknown_token_id or a token of type 2" + kOther},
        BadSpm{"UnknownOutside", [](Spm& s) { s.unknown = 262; },
               "metadata \"tokenizer.ggml.unknown_token_id\": 262\n  wanted: a token below 262" + kOther},
        BadSpm{"UnknownUnused",
               [](Spm& s) {
                 s.add("[PAD]", 0, 5);
                 s.unknown = 262;
               },
               "unknown token 262 is one of the unused at the end\n  wanted: a token in use" + kOther},
        BadSpm{"ByteMissing", [](Spm& s) { s.pieces[3 + 0x0A] = "other"; },
               "no byte token <0x0A>\n  wanted: a token of type 6 for every byte\n"
               "  try:    take the model as a Hugging Face folder"},
        BadSpm{"ByteOfAnotherType", [](Spm& s) { s.types[3 + 0xFF] = 1; },
               "no byte token <0xFF>\n  wanted: a token of type 6 for every byte\n"
               "  try:    take the model as a Hugging Face folder"},
        BadSpm{"LongPiece", [](Spm& s) { s.add(std::string(513, 'a'), 0, 1); },
               "token 262 has 513 bytes\n  wanted: at most 512" + kOther},
        BadSpm{"NoText", [](Spm& s) { s.pieces[260] = "\xC3"; },
               "token 260 is not UTF-8\n  wanted: tokens as text" + kOther},
        BadSpm{"Twice", [](Spm& s) { s.pieces[260] = "a"; },
               "token 260 is the same as token 259\n  wanted: each text once" + kOther}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(SentencePiece, ScoresAndTypesMustBeThere) {
  const auto bytes = [](bool with_types) {
    GgufBytes out;
    out.start(0, with_types ? 4 : 3).word("tokenizer.ggml.model", "llama");
    out.words("tokenizer.ggml.tokens", Spm::of({}).pieces).number("tokenizer.ggml.unknown_token_id", 0);
    if (with_types) out.integers("tokenizer.ggml.token_type", Spm::of({}).types);
    return out.done();
  };
  EXPECT_EQ(error_of([&] { tokenizer_json(bytes(true)); }),
            "m.gguf: no metadata \"tokenizer.ggml.scores\"\n  wanted: a complete model file\n"
            "  try:    convert the model again with a current converter");
  EXPECT_THAT(error_of([&] { tokenizer_json(bytes(false)); }), testing::HasSubstr("no byte token <0x00>"));
}

}  // namespace
}  // namespace keel
