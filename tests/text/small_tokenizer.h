// Tokenizers small enough to be written here. One token for each letter, so that what a mask holds can be
// read.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "text/tokenizer.h"

namespace keel::test {

// A WordLevel tokenizer over single characters: printable ASCII, line break, and the given special tokens.
// Unknown characters become "?".
inline Json letter_tokenizer_json(const std::vector<std::string>& special) {
  Json vocab = Json::object();
  int id = 0;
  for (char c = ' '; c <= '~'; ++c) vocab[std::string(1, c)] = id++;
  vocab["\n"] = id++;
  Json added = Json::array();
  for (const std::string& token : special) {
    added.push_back({{"id", id++},
                     {"content", token},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  }
  const Json any_char = {
      {"type", "Split"}, {"pattern", {{"Regex", "[\\s\\S]"}}}, {"behavior", "Isolated"}, {"invert", false}};
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", added},
          {"normalizer", nullptr},
          {"pre_tokenizer", any_char},
          {"post_processor", nullptr},
          {"decoder", {{"type", "Fuse"}}},
          {"model", {{"type", "WordLevel"}, {"vocab", vocab}, {"unk_token", "?"}}}};
}

inline Tokenizer letter_tokenizer(const std::vector<std::string>& special = {"<|im_start|>", "<|im_end|>",
                                                                             "<s>", "</s>"}) {
  return Tokenizer::from_json(letter_tokenizer_json(special).dump());
}

// The same with a post-processor that puts <s> in front.
inline Tokenizer letter_tokenizer_with_bos() {
  Json json = letter_tokenizer_json({"<|im_start|>", "<|im_end|>", "<s>", "</s>"});
  const int bos = json["added_tokens"][2]["id"];
  const Json piece = {{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}};
  const Json text = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  const Json pair = {{"Sequence", {{"id", "B"}, {"type_id", 1}}}};
  json["post_processor"] = {
      {"type", "TemplateProcessing"},
      {"single", Json::array({piece, text})},
      {"pair", Json::array({piece, text, pair})},
      {"special_tokens",
       {{"<s>", {{"id", "<s>"}, {"ids", Json::array({bos})}, {"tokens", Json::array({"<s>"})}}}}}};
  return Tokenizer::from_json(json.dump());
}

// A BPE tokenizer over bytes without merges, so that any text comes back as it was; `merges` such as "Ċ Ċ"
// (two line breaks) add tokens of two.
inline Tokenizer byte_tokenizer(const std::vector<std::string>& special,
                                const std::vector<std::string>& merges = {}) {
  Json json = letter_tokenizer_json(special);
  Json vocab = Json::object();
  const auto utf8 = [](unsigned c) {
    if (c < 0x80) return std::string(1, static_cast<char>(c));
    return std::string{static_cast<char>(0xC0 | (c >> 6)), static_cast<char>(0x80 | (c & 0x3F))};
  };
  unsigned stand_in = 256;  // byte-level BPE writes bytes that are no visible character as U+0100 and so on
  int id = 0;
  for (unsigned b = 0; b < 256; ++b) {
    const bool visible = (b > ' ' && b <= '~') || (b >= 0xA1 && b != 0xAD);
    vocab[utf8(visible ? b : stand_in++)] = id++;
  }
  for (const std::string& merge : merges) {
    std::string token = merge;
    token.erase(token.find(' '), 1);
    vocab[token] = id++;
  }
  for (Json& token : json["added_tokens"]) token["id"] = id++;
  const Json level = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", false}, {"use_regex", false}};
  json["pre_tokenizer"] = level;
  json["decoder"] = level;
  json["model"] = {{"type", "BPE"},
                   {"dropout", nullptr},
                   {"unk_token", nullptr},
                   {"continuing_subword_prefix", nullptr},
                   {"end_of_word_suffix", nullptr},
                   {"fuse_unk", false},
                   {"byte_fallback", false},
                   {"vocab", vocab},
                   {"merges", merges}};
  return Tokenizer::from_json(json.dump());
}

}  // namespace keel::test
