// Byte-level BPE, whose merges are in the file.
#include <fmt/format.h>

#include <set>

#include "base/log.h"
#include "checkpoint/format/gguf_vocab.h"

namespace keel {
namespace {

Json byte_level(bool use_regex) {
  return {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", use_regex}};
}

// Words are cut by the pattern first, then turned to bytes. digits: how many of them stay together.
Json split_by_pattern(const std::string& digits) {
  const std::string pattern = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" + digits +
                              "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  const Json split{
      {"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}};
  return {{"type", "Sequence"}, {"pretokenizers", {split, byte_level(false)}}};
}

struct PreTokenizer {
  Json normalizer = nullptr;
  Json pre_tokenizer;
  bool ignore_merges = false;
  bool add_bos = false;  // when the file does not say
};

PreTokenizer pre_tokenizer_of(const GgufFile& file) {
  static const std::set<std::string> llama3{"llama-bpe", "llama3", "llama-v3", "smaug-bpe"};
  static const std::set<std::string> qwen2{"qwen2", "deepseek-r1-qwen", "stablelm2"};
  const std::string pre = file.find_text("tokenizer.ggml.pre").value_or("default");
  if (pre == "default") warn("{}: no pre-tokenizer named; taking the one of GPT-2", file.where);
  if (pre == "gpt-2" || pre == "default") return {.pre_tokenizer = byte_level(true)};
  if (pre == "smollm") {
    const Json digits{{"type", "Digits"}, {"individual_digits", true}};
    return {.pre_tokenizer = {{"type", "Sequence"}, {"pretokenizers", {digits, byte_level(true)}}}};
  }
  if (qwen2.contains(pre))
    return {.normalizer = {{"type", "NFC"}}, .pre_tokenizer = split_by_pattern("\\p{N}")};
  if (llama3.contains(pre))
    return {.pre_tokenizer = split_by_pattern("\\p{N}{1,3}"), .ignore_merges = true, .add_bos = true};
  refuse(file, fmt::format("pre-tokenizer \"{}\"", pre), "gpt-2, default, smollm, qwen2, llama-bpe",
         kTakeFolder);
}

Json added_tokens(const GgufVocab& vocab) {
  Json out = Json::array();
  for (size_t id = 0; id < vocab.tokens.size(); ++id) {
    const bool special = vocab.types[id] == TokenType::control;
    if (special || vocab.types[id] == TokenType::user_defined) out.push_back(added_token(vocab, id, special));
  }
  return out;
}

// A merge "a b" needs a, b and ab in the vocabulary, or the tokenizer does not load at all.
Json read_merges(const GgufFile& file, const GgufVocab& vocab) {
  const std::vector<std::string_view>& merges = file.texts("tokenizer.ggml.merges");
  Json out = Json::array();
  for (size_t i = 0; i < merges.size(); ++i) {
    const size_t space = merges[i].find(' ');
    bool good = space != std::string_view::npos && merges[i].find(' ', space + 1) == std::string_view::npos;
    if (good) {
      const std::string left(merges[i].substr(0, space)), right(merges[i].substr(space + 1));
      good = vocab.ids.contains(left) && vocab.ids.contains(right) && vocab.ids.contains(left + right);
    }
    if (!good)
      refuse(file, fmt::format("merge {}: not two tokens that make a third", i), "\"a b\"", kOtherFile);
    out.push_back(merges[i]);
  }
  return out;
}

}  // namespace

Json byte_level_tokenizer(const GgufFile& file, int64_t vocab_size) {
  PreTokenizer pre = pre_tokenizer_of(file);
  const GgufVocab vocab = read_vocab(file, vocab_size);
  Json model{{"type", "BPE"},
             {"dropout", nullptr},
             {"unk_token", nullptr},
             {"continuing_subword_prefix", nullptr},
             {"end_of_word_suffix", nullptr},
             {"fuse_unk", false},
             {"byte_fallback", false},
             {"ignore_merges", pre.ignore_merges}};
  model["vocab"] = vocab_entries(vocab);
  model["merges"] = read_merges(file, vocab);
  Json out{{"version", "1.0"}, {"truncation", nullptr}, {"padding", nullptr}};
  out["added_tokens"] = added_tokens(vocab);
  out["normalizer"] = std::move(pre.normalizer);
  out["post_processor"] = post_processor(file, pre.add_bos);
  out["pre_tokenizer"] = std::move(pre.pre_tokenizer);
  out["decoder"] = byte_level(true);
  out["model"] = std::move(model);
  return out;
}

}  // namespace keel
