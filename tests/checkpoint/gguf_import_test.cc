#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numbers>

#include "base/error.h"
#include "base/fs.h"
#include "checkpoint/format/dequant.h"
#include "checkpoint/format/gguf.h"
#include "checkpoint/format/gguf_config.h"
#include "checkpoint/format/gguf_tokenizer.h"
#include "checkpoint/gguf_bytes.h"
#include "checkpoint/hf_folder.h"
#include "support/error_of.h"
#include "support/paths.h"

namespace keel {
namespace {

using test::error_of;
using test::GgufBytes;
using testing::HasSubstr;

GgufFile parse(const std::string& bytes) { return parse_gguf(std::as_bytes(std::span(bytes)), "m.gguf"); }

TEST(Dequantize, EveryTypeGivesTheBitsOfTheGgufPackage) {
  const MappedFile mapped(test::golden_dir() / "gguf/quants.gguf");
  const GgufFile file = parse_gguf(mapped.bytes(), "quants.gguf");
  const TensorMap expected = load_safetensors(test::golden_dir() / "gguf/quants.safetensors");
  ASSERT_EQ(file.tensors.size(), 11u);
  ASSERT_EQ(expected.size(), 11u);
  for (const GgufTensor& tensor : file.tensors) {
    EXPECT_EQ(tensor.name, tensor.type->name);
    at::Tensor values = at::empty(tensor.shape, at::kFloat);
    dequantize(*tensor.type, tensor.bytes,
               {values.mutable_data_ptr<float>(), static_cast<size_t>(values.numel())});
    EXPECT_TRUE(values.equal(expected.at(tensor.name))) << tensor.name;
  }
}

TEST(Dequantize, HalvesOfEveryBitPattern) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const at::Half half(static_cast<uint16_t>(bits), at::Half::from_bits());
    const float expected = static_cast<float>(half), found = half_to_float(static_cast<uint16_t>(bits));
    if (std::isnan(expected))
      EXPECT_TRUE(std::isnan(found));
    else
      EXPECT_EQ(std::bit_cast<uint32_t>(found), std::bit_cast<uint32_t>(expected)) << bits;
  }
}

class ImportedFamily : public testing::TestWithParam<const char*> {};

TEST_P(ImportedFamily, EqualsTheFolderItWasMadeFrom) {
  const std::string family = GetParam();
  const test::TempDir temp;
  import_gguf(test::golden_dir() / "gguf" / (family + ".gguf"), temp / "out", at::kFloat);
  const HfFolder made = HfFolder::open(temp / "out"), source = HfFolder::open(test::golden_dir() / family);
  const TensorMap found = made.tensors(), expected = source.tensors();
  ASSERT_EQ(found.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    ASSERT_TRUE(found.contains(name)) << name;
    EXPECT_TRUE(found.at(name).equal(tensor)) << name;
  }
  for (const char* key : {"architectures", "model_type", "vocab_size", "hidden_size", "intermediate_size",
                          "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "rms_norm_eps",
                          "tie_word_embeddings", "max_position_embeddings", "hidden_act", "eos_token_id"})
    EXPECT_EQ(made.config.at(key), source.config.at(key)) << key;
  EXPECT_EQ(made.config.at("rope_theta"), source.config.at("rope_parameters").at("rope_theta"));
  EXPECT_EQ(made.config.at("head_dim"), source.config.value("head_dim", 8));
  EXPECT_EQ(made.config.at("torch_dtype"), "float32");
}
INSTANTIATE_TEST_SUITE_P(Gguf, ImportedFamily, testing::Values("llama", "qwen2", "qwen3"),
                         [](const auto& info) { return std::string(info.param); });

TEST(GgufImport, WritesTokenizerTemplateAndEnds) {
  const test::TempDir temp;
  import_gguf(test::golden_dir() / "gguf/llama.gguf", temp / "out", at::kBFloat16);
  const Json tokenizer = read_json(temp / "out/tokenizer.json"),
             config = read_json(temp / "out/tokenizer_config.json");
  EXPECT_EQ(tokenizer["model"]["vocab"].size(), 69u);  // the tokens that only fill are left out
  EXPECT_EQ(tokenizer["model"]["vocab"]["hello"], 66);
  EXPECT_EQ(tokenizer["model"]["merges"][4], "Ġ hello");
  ASSERT_EQ(tokenizer["added_tokens"].size(), 4u);
  EXPECT_EQ(tokenizer["added_tokens"][1]["content"], "<|im_start|>");
  EXPECT_EQ(tokenizer["added_tokens"][1]["special"], true);
  EXPECT_EQ(tokenizer["added_tokens"][3]["content"], "<tool call>");
  EXPECT_EQ(tokenizer["added_tokens"][3]["special"], false);
  EXPECT_EQ(tokenizer["pre_tokenizer"]["pretokenizers"][0]["type"], "Digits");
  EXPECT_TRUE(tokenizer["post_processor"].is_null());
  EXPECT_EQ(config["bos_token"], "<|endoftext|>");
  EXPECT_EQ(config["eos_token"], "<|im_end|>");
  EXPECT_EQ(config["chat_template"], "{% for m in messages %}{{ m.content }}{% endfor %}");
  EXPECT_EQ(read_json(temp / "out/generation_config.json")["eos_token_id"], Json({2, 0}));
  EXPECT_EQ(HfFolder::open(temp / "out").tensors().at("model.norm.weight").scalar_type(), at::kBFloat16);
}

TEST(GgufImport, PatternsAreThoseOfTheOriginalTokenizers) {
  KEEL_NEED_SHARED("data/tokenizers/llama3/tokenizer.json");
  for (const auto& [pre, original] : {std::pair("qwen2", "qwen2"), std::pair("llama-bpe", "llama3")}) {
    const std::string bytes = GgufBytes()
                                  .start(0, 4)
                                  .word("tokenizer.ggml.model", "gpt2")
                                  .word("tokenizer.ggml.pre", pre)
                                  .words("tokenizer.ggml.tokens", {"a", "b", "ab"})
                                  .words("tokenizer.ggml.merges", {"a b"})
                                  .done();
    const Json made = gguf_tokenizer(parse(bytes), 3);
    // Not Json: its ordered objects take quadratic time for the vocabulary.
    const auto wanted = nlohmann::json::parse(
        read_text(test::shared_dir() / "data/tokenizers" / original / "tokenizer.json"));
    const char* at = "/pre_tokenizer/pretokenizers/0/pattern/Regex";
    EXPECT_EQ(made.at(Json::json_pointer(at)).get<std::string>(),
              wanted.at(nlohmann::json::json_pointer(at)).get<std::string>())
        << pre;
    EXPECT_EQ(made["normalizer"].dump(), wanted["normalizer"].dump()) << pre;
  }
}

struct BadTokenizer {
  const char* name;
  std::string model, pre;
  std::vector<std::string> tokens, merges;
  std::string error;
};

class BadTokenizers : public testing::TestWithParam<BadTokenizer> {};
TEST_P(BadTokenizers, AreRefusedWithTheReason) {
  const BadTokenizer& bad = GetParam();
  const std::string bytes = GgufBytes()
                                .start(0, 4)
                                .word("tokenizer.ggml.model", bad.model)
                                .word("tokenizer.ggml.pre", bad.pre)
                                .words("tokenizer.ggml.tokens", bad.tokens)
                                .words("tokenizer.ggml.merges", bad.merges)
                                .done();
  EXPECT_EQ(error_of([&] { gguf_tokenizer(parse(bytes), 3); }), bad.error);
}
INSTANTIATE_TEST_SUITE_P(
    Gguf, BadTokenizers,
    testing::Values(
        BadTokenizer{"WordPiece",
                     "bert",
                     "default",
                     {"a"},
                     {},
                     "m.gguf: tokenizer \"bert\"\n"
                     "  wanted: \"gpt2\" (byte-level BPE, as SmolLM2, Qwen and Llama 3 have) or \"llama\" "
                     "(SentencePiece BPE, as Llama 2 and Mistral have)\n"
                     "  try:    take the model as a Hugging Face folder"},
        BadTokenizer{"UnknownPre",
                     "gpt2",
                     "tekken",
                     {"a"},
                     {},
                     "m.gguf: pre-tokenizer \"tekken\"\n  wanted: gpt-2, default, smollm, qwen2, llama-bpe\n"
                     "  try:    take the model as a Hugging Face folder"},
        BadTokenizer{"MoreTokensThanRows",
                     "gpt2",
                     "qwen2",
                     {"a", "b", "c", "d"},
                     {},
                     "m.gguf: 4 tokens for an embedding of 3 rows\n  wanted: at most one token a row\n"
                     "  try:    the file is damaged: take another one"},
        BadTokenizer{"SameToken",
                     "gpt2",
                     "qwen2",
                     {"a", "b", "a"},
                     {},
                     "m.gguf: token 2 is the same as token 0\n  wanted: each text once\n"
                     "  try:    the file is damaged: take another one"},
        BadTokenizer{"NoText",
                     "gpt2",
                     "qwen2",
                     {"a", "b\xff"},
                     {},
                     "m.gguf: token 1 is not UTF-8\n  wanted: tokens as text\n"
                     "  try:    the file is damaged: take another one"},
        BadTokenizer{"MergeOfNothing",
                     "gpt2",
                     "qwen2",
                     {"a", "b", "ab"},
                     {"a b", "a c"},
                     "m.gguf: merge 1: not two tokens that make a third\n  wanted: \"a b\"\n"
                     "  try:    the file is damaged: take another one"}),
    [](const auto& info) { return std::string(info.param.name); });

// A llama of one layer without a value: its structure is all that gguf_config reads.
std::string llama_bytes(const std::string& arch, bool with_factors, float factor_of_last) {
  GgufBytes bytes;
  bytes.start(with_factors ? 2 : 1, 7)
      .word("general.architecture", arch)
      .number(arch + ".embedding_length", 8);
  bytes.number(arch + ".attention.head_count", 1).number(arch + ".feed_forward_length", 4);
  bytes.number(arch + ".block_count", 1).number(arch + ".context_length", 64);
  bytes.key(arch + ".rope.freq_base", 6).put<float>(500000).tensor("token_embd.weight", {8, 4}, 0, 0);
  if (!with_factors) return bytes.data(128);
  std::string out = bytes.tensor("rope_freqs.weight", {4}, 0, 128).data(128);
  for (int i = 0; i < 4; ++i) {  // frequencies 1, 0.0376, 0.0014, 5.3e-5 turn 1304, 49, 1.8 and 0.07 times
    const double turns = 8192 * std::pow(500000.0, -i / 4.0) / (2 * std::numbers::pi);
    const double ramp = (turns - 1) / 3;
    const float values[] = {1, 1, static_cast<float>(1 / ((1 - ramp) / 32 + ramp)), factor_of_last};
    out.append(reinterpret_cast<const char*>(&values[i]), 4);
  }
  return out;
}

TEST(GgufConfig, RecognisesLlama3RopeFactors) {
  const std::string bytes = llama_bytes("llama", true, 32);
  const Json config = gguf_config(parse(bytes), "float32");
  EXPECT_EQ(config["rope_scaling"]["rope_type"], "llama3");
  EXPECT_EQ(config["rope_scaling"]["factor"], 32.0);
  EXPECT_EQ(config["rope_scaling"]["original_max_position_embeddings"], 8192);
  const std::string other = llama_bytes("llama", true, 8);
  EXPECT_THAT(error_of([&] { gguf_config(parse(other), "float32"); }),
              HasSubstr("m.gguf: rope_freqs.weight: factor "));
}

TEST(GgufConfig, ErrorsNameTheArchitectureAndTheMissingWeight) {
  const std::string falcon = llama_bytes("falcon", false, 0), cut = llama_bytes("llama", false, 0);
  EXPECT_EQ(error_of([&] { gguf_config(parse(falcon), "float32"); }),
            "m.gguf: architecture \"falcon\"\n  wanted: llama, qwen2, qwen3\n"
            "  try:    fine-tune a model of one of these families");
  const GgufFile file = parse(cut);
  EXPECT_THAT(error_of([&] { gguf_weights(file, gguf_config(file, "float32")); }),
              HasSubstr("m.gguf: no tensor \"output_norm.weight\"\n"));
}

TEST(GgufImport, FailureLeavesNoFolder) {
  const test::TempDir temp;
  std::string bytes = read_text(test::golden_dir() / "gguf/llama.gguf");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  bytes.replace(bytes.size() - 4096, 4, std::string(reinterpret_cast<const char*>(&nan), 4));
  write_file(temp / "nan.gguf", bytes);
  EXPECT_THAT(error_of([&] { import_gguf(temp / "nan.gguf", temp / "out", at::kFloat); }),
              HasSubstr(": values that are not finite (NaN or infinity)\n"));
  EXPECT_FALSE(fs::exists(temp / "out"));
  EXPECT_FALSE(fs::exists(temp / "out.part"));
  write_file(temp / "taken/file", "x");
  EXPECT_THAT(
      error_of([&] { import_gguf(test::golden_dir() / "gguf/llama.gguf", temp / "taken", at::kFloat); }),
      HasSubstr("already exists and is not an empty folder"));
}

}  // namespace
}  // namespace keel
