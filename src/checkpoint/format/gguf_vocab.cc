#include "checkpoint/format/gguf_vocab.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/utf8.h"

namespace keel {
namespace {

std::vector<TokenType> read_types(const GgufFile& file, size_t count) {
  constexpr const char* kKey = "tokenizer.ggml.token_type";
  if (!file.metadata.contains(kKey)) return std::vector<TokenType>(count, TokenType::normal);
  const std::vector<int64_t>& types = file.integers(kKey);
  if (types.size() != count)
    refuse(file, fmt::format("{} token types for {} tokens", types.size(), count), "one each", kOtherFile);
  std::vector<TokenType> out;
  for (const int64_t type : types) {
    if (type < 1 || type > 6)
      refuse(file, fmt::format("token {} is of type {}", out.size(), type),
             "1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte", kOtherFile);
    out.push_back(static_cast<TokenType>(type));
  }
  return out;
}

void check_utf8(const GgufFile& file, size_t id, std::string_view token) {
  if (repair_utf8(token) != token)
    refuse(file, fmt::format("token {} is not UTF-8", id), "tokens as text", kOtherFile);
}

Json special_piece(const std::string& token, int part) {
  return {{"SpecialToken", {{"id", token}, {"type_id", part}}}};
}

// "A" is a text alone or the first of a pair, "B" the second.
void append_part(Json& pieces, const char* name, int part, const std::optional<std::string>& bos,
                 const std::optional<std::string>& eos) {
  if (bos) pieces.push_back(special_piece(*bos, part));
  pieces.push_back({{"Sequence", {{"id", name}, {"type_id", part}}}});
  if (eos) pieces.push_back(special_piece(*eos, part));
}

}  // namespace

GgufVocab read_vocab(const GgufFile& file, int64_t vocab_size) {
  GgufVocab vocab{.tokens = file.texts("tokenizer.ggml.tokens"), .types = {}, .ids = {}};
  vocab.types = read_types(file, vocab.tokens.size());
  if (static_cast<int64_t>(vocab.tokens.size()) > vocab_size)
    refuse(file, fmt::format("{} tokens for an embedding of {} rows", vocab.tokens.size(), vocab_size),
           "at most one token a row", kOtherFile);
  while (!vocab.types.empty() && vocab.types.back() == TokenType::unused) vocab.types.pop_back();
  vocab.tokens.resize(vocab.types.size());
  for (size_t id = 0; id < vocab.tokens.size(); ++id) {
    const std::string_view token = vocab.tokens[id];
    check_utf8(file, id, token);
    if (!vocab.ids.emplace(token, static_cast<int64_t>(id)).second)
      refuse(file, fmt::format("token {} is the same as token {}", id, vocab.ids.at(token)), "each text once",
             kOtherFile);
  }
  return vocab;
}

Json vocab_entries(const GgufVocab& vocab) {
  Json::object_t entries;  // filled in order: a look-up for each would take time quadratic in the vocabulary
  for (size_t id = 0; id < vocab.tokens.size(); ++id)
    entries.Container::emplace_back(std::string(vocab.tokens[id]), id);
  return entries;
}

Json added_token(const GgufVocab& vocab, size_t id, bool special) {
  return {{"id", id},        {"content", vocab.tokens[id]}, {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false},         {"special", special}};
}

std::optional<std::string> token_text(const GgufFile& file, const char* key) {
  const auto id = file.find_integer(key);
  if (!id) return std::nullopt;
  const std::vector<std::string_view>& tokens = file.texts("tokenizer.ggml.tokens");
  if (*id < 0 || *id >= static_cast<int64_t>(tokens.size()))
    refuse(file, fmt::format("metadata \"{}\": {}", key, *id), fmt::format("a token below {}", tokens.size()),
           kOtherFile);
  const size_t index = static_cast<size_t>(*id);
  check_utf8(file, index,
             tokens[index]);  // it may be one of the unused at the end, which read_vocab leaves off
  return std::string(tokens[index]);
}

Json post_processor(const GgufFile& file, bool add_bos) {
  std::optional<std::string> bos, eos;
  Json tokens = Json::object();
  const auto take = [&](const char* key) {
    auto text = token_text(file, key);
    if (text) tokens[*text] = {{"id", *text}, {"ids", {*file.find_integer(key)}}, {"tokens", {*text}}};
    return text;
  };
  if (file.find_flag("tokenizer.ggml.add_bos_token").value_or(add_bos))
    bos = take("tokenizer.ggml.bos_token_id");
  if (file.find_flag("tokenizer.ggml.add_eos_token").value_or(false))
    eos = take("tokenizer.ggml.eos_token_id");
  if (!bos && !eos) return nullptr;
  Json single = Json::array(), pair = Json::array();
  append_part(single, "A", 0, bos, eos);
  append_part(pair, "A", 0, bos, eos);
  append_part(pair, "B", 1, bos, eos);
  return {{"type", "TemplateProcessing"}, {"single", single}, {"pair", pair}, {"special_tokens", tokens}};
}

}  // namespace keel
