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

}  // namespace keel::test
