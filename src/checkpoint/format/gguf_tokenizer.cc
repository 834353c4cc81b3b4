#include "checkpoint/format/gguf_tokenizer.h"

#include <fmt/format.h>

#include <set>
#include <unordered_map>

#include "base/error.h"
#include "base/log.h"
#include "base/names.h"

namespace keel {
namespace {

enum TokenType : int64_t { kNormal = 1, kControl = 3, kUserDefined = 4, kUnused = 5 };

using Vocab = std::unordered_map<std::string_view, int64_t>;

[[noreturn]] void refuse(const GgufFile& file, std::string found, std::string wanted, std::string hint) {
  throw UserError(
      {.where = file.where, .found = std::move(found), .wanted = std::move(wanted), .hint = std::move(hint)});
}

constexpr const char* kTakeFolder = "take the model as a Hugging Face folder";
constexpr const char* kOtherFile = "the file is damaged: take another one";

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

void check_model(const GgufFile& file) {
  const std::string model = file.text("tokenizer.ggml.model");
  if (model == "gpt2") return;
  refuse(file, fmt::format("tokenizer \"{}\"{}", model, model == "llama" ? " (SentencePiece)" : ""),
         "\"gpt2\" (byte-level BPE, as SmolLM2, Qwen and Llama 3 have)", kTakeFolder);
}

std::vector<int64_t> token_types(const GgufFile& file, size_t count) {
  if (!file.metadata.contains("tokenizer.ggml.token_type")) return std::vector<int64_t>(count, kNormal);
  std::vector<int64_t> types = file.integers("tokenizer.ggml.token_type");
  if (types.size() != count)
    refuse(file, fmt::format("{} token types for {} tokens", types.size(), count), "one each", kOtherFile);
  return types;
}

// Unused tokens at the end only fill the embedding up to a round size; they are no part of the tokenizer.
size_t used_count(const std::vector<int64_t>& types) {
  size_t count = types.size();
  while (count > 0 && types[count - 1] == kUnused) --count;
  return count;
}

Vocab read_vocab(const GgufFile& file, size_t used, int64_t vocab_size) {
  const std::vector<std::string_view>& tokens = file.texts("tokenizer.ggml.tokens");
  if (static_cast<int64_t>(tokens.size()) > vocab_size)
    refuse(file, fmt::format("{} tokens for an embedding of {} rows", tokens.size(), vocab_size),
           "at most one token a row", kOtherFile);
  Vocab vocab;
  for (size_t id = 0; id < used; ++id)
    if (!vocab.emplace(tokens[id], static_cast<int64_t>(id)).second)
      refuse(file, fmt::format("token {} is the same as token {}", id, vocab.at(tokens[id])),
             "each text once", kOtherFile);
  return vocab;
}

Json added_tokens(const GgufFile& file, const std::vector<int64_t>& types, size_t used) {
  const std::vector<std::string_view>& tokens = file.texts("tokenizer.ggml.tokens");
  Json out = Json::array();
  for (size_t id = 0; id < used; ++id) {
    if (types[id] != kControl && types[id] != kUserDefined) continue;
    out.push_back({{"id", id},
                   {"content", tokens[id]},
                   {"single_word", false},
                   {"lstrip", false},
                   {"rstrip", false},
                   {"normalized", false},
                   {"special", types[id] == kControl}});
  }
  return out;
}

// A merge "a b" needs a, b and ab in the vocabulary, or the tokenizer does not load at all.
Json read_merges(const GgufFile& file, const Vocab& vocab) {
  const std::vector<std::string_view>& merges = file.texts("tokenizer.ggml.merges");
  Json out = Json::array();
  for (size_t i = 0; i < merges.size(); ++i) {
    const size_t space = merges[i].find(' ');
    bool good = space != std::string_view::npos && merges[i].find(' ', space + 1) == std::string_view::npos;
    if (good) {
      const std::string left(merges[i].substr(0, space)), right(merges[i].substr(space + 1));
      good = vocab.contains(left) && vocab.contains(right) && vocab.contains(left + right);
    }
    if (!good)
      refuse(file, fmt::format("merge {}: not two tokens that make a third", i), "\"a b\"", kOtherFile);
    out.push_back(merges[i]);
  }
  return out;
}

std::optional<std::string> token_text(const GgufFile& file, const char* key) {
  const auto id = file.find_integer(key);
  if (!id) return std::nullopt;
  const std::vector<std::string_view>& tokens = file.texts("tokenizer.ggml.tokens");
  if (*id < 0 || *id >= static_cast<int64_t>(tokens.size()))
    refuse(file, fmt::format("metadata \"{}\": {}", key, *id), fmt::format("a token below {}", tokens.size()),
           kOtherFile);
  return std::string(tokens[static_cast<size_t>(*id)]);
}

// Puts the first token before each text, once for each part of a pair.
Json prepend_bos(const std::string& bos, int64_t id) {
  const auto special = [&](int type) { return Json{{"SpecialToken", {{"id", bos}, {"type_id", type}}}}; };
  const auto text = [](const char* part, int type) {
    return Json{{"Sequence", {{"id", part}, {"type_id", type}}}};
  };
  return {{"type", "TemplateProcessing"},
          {"single", {special(0), text("A", 0)}},
          {"pair", {special(0), text("A", 0), special(1), text("B", 1)}},
          {"special_tokens", {{bos, {{"id", bos}, {"ids", {id}}, {"tokens", {bos}}}}}}};
}

Json post_processor(const GgufFile& file, const PreTokenizer& pre) {
  if (!file.find_flag("tokenizer.ggml.add_bos_token").value_or(pre.add_bos)) return nullptr;
  const auto bos = token_text(file, "tokenizer.ggml.bos_token_id");
  if (!bos) return nullptr;
  return prepend_bos(*bos, *file.find_integer("tokenizer.ggml.bos_token_id"));
}

}  // namespace

Json gguf_tokenizer(const GgufFile& file, int64_t vocab_size) {
  check_model(file);
  PreTokenizer pre = pre_tokenizer_of(file);
  const std::vector<std::string_view>& tokens = file.texts("tokenizer.ggml.tokens");
  const std::vector<int64_t> types = token_types(file, tokens.size());
  const size_t used = used_count(types);
  const Vocab vocab = read_vocab(file, used, vocab_size);
  Json::object_t entries;  // filled in order: a look-up for each would take time quadratic in the vocabulary
  for (size_t id = 0; id < used; ++id) entries.Container::emplace_back(std::string(tokens[id]), id);
  Json model{{"type", "BPE"},
             {"dropout", nullptr},
             {"unk_token", nullptr},
             {"continuing_subword_prefix", nullptr},
             {"end_of_word_suffix", nullptr},
             {"fuse_unk", false},
             {"byte_fallback", false},
             {"ignore_merges", pre.ignore_merges}};
  model["vocab"] = std::move(entries);
  model["merges"] = read_merges(file, vocab);
  Json out{{"version", "1.0"}, {"truncation", nullptr}, {"padding", nullptr}};
  out["added_tokens"] = added_tokens(file, types, used);
  out["normalizer"] = std::move(pre.normalizer);
  out["post_processor"] = post_processor(file, pre);
  out["pre_tokenizer"] = std::move(pre.pre_tokenizer);
  out["decoder"] = byte_level(true);
  out["model"] = std::move(model);
  return out;
}

Json gguf_tokenizer_config(const GgufFile& file) {
  Json out{{"tokenizer_class", "PreTrainedTokenizerFast"},
           {"add_prefix_space", false},
           {"clean_up_tokenization_spaces", false},
           {"model_max_length", file.size(file.text("general.architecture") + ".context_length")}};
  const std::pair<const char*, const char*> specials[] = {{"bos_token", "tokenizer.ggml.bos_token_id"},
                                                          {"eos_token", "tokenizer.ggml.eos_token_id"},
                                                          {"unk_token", "tokenizer.ggml.unknown_token_id"},
                                                          {"pad_token", "tokenizer.ggml.padding_token_id"}};
  for (const auto& [name, key] : specials)
    if (const auto token = token_text(file, key)) out[name] = *token;
  if (const auto chat_template = file.find_text("tokenizer.chat_template"))
    out["chat_template"] = *chat_template;
  return out;
}

}  // namespace keel
