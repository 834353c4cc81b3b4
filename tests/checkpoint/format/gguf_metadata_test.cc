// Metadata of GGUF files that would give a broken model folder.
#include <gtest/gtest.h>

#include <limits>

#include "checkpoint/format/gguf.h"
#include "checkpoint/format/gguf_config.h"
#include "checkpoint/format/gguf_tokenizer.h"
#include "checkpoint/gguf_bytes.h"
#include "support/error_of.h"

namespace keel {
namespace {

using test::error_of;
using test::GgufBytes;

GgufFile parse(const std::string& bytes) { return parse_gguf(std::as_bytes(std::span(bytes)), "m.gguf"); }

std::string config_error(double rope_base) {
  GgufBytes bytes;
  bytes.start(1, 5).word("general.architecture", "llama").number("llama.embedding_length", 4);
  bytes.number("llama.attention.head_count", 1).number("llama.context_length", 8);
  bytes.key("llama.rope.freq_base", 12).put<double>(rope_base);
  bytes.tensor("token_embd.weight", {4, 2}, 0, 0);
  const std::string whole = bytes.data(32);
  return error_of([&] { gguf_config(parse(whole), "float32"); });
}

TEST(GgufMetadata, NumbersArePositiveAndFinite) {
  const auto refused = [](const std::string& value) {
    return "m.gguf: metadata \"llama.rope.freq_base\": " + value +
           "\n  wanted: a finite number above 0\n  try:    the file is damaged: download it again";
  };
  EXPECT_EQ(config_error(std::numeric_limits<double>::quiet_NaN()), refused("nan"));
  EXPECT_EQ(config_error(std::numeric_limits<double>::infinity()), refused("inf"));
  EXPECT_EQ(config_error(1e300), refused("1e+300"));
  EXPECT_EQ(config_error(0), refused("0"));
}

TEST(GgufMetadata, TextsOfTheTokenizerConfigAreUtf8) {
  const auto file = [](const std::string& token, const std::string& chat_template) {
    return GgufBytes()
        .start(0, 6)
        .word("general.architecture", "llama")
        .number("llama.context_length", 8)
        .word("tokenizer.ggml.model", "gpt2")
        .words("tokenizer.ggml.tokens", {token})
        .number("tokenizer.ggml.bos_token_id", 0)
        .word("tokenizer.chat_template", chat_template)
        .done();
  };
  const std::string bad_token = file("\xC3", "x"), bad_template = file("a", "\xFF");
  EXPECT_EQ(error_of([&] { gguf_tokenizer_config(parse(bad_token)); }),
            "m.gguf: token 0 is not UTF-8\n  wanted: tokens as text\n  try:    the file is damaged: take "
            "another one");
  EXPECT_EQ(error_of([&] { gguf_tokenizer_config(parse(bad_template)); }),
            "m.gguf: a chat template that is not UTF-8\n  wanted: text\n"
            "  try:    the file is damaged: take another one");
}

}  // namespace
}  // namespace keel
