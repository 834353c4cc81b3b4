// What the kinds of tokenizers in GGUF files share: the tokens with their types, and how a tokenizer.json
// says them. For gguf_tokenizer.cc and the files of the kinds only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/json.h"
#include "checkpoint/format/gguf.h"

namespace keel {

enum class TokenType : int64_t { normal = 1, unknown, control, user_defined, unused, byte };

inline constexpr const char* kTakeFolder = "take the model as a Hugging Face folder";
inline constexpr const char* kOtherFile = "the file is damaged: take another one";

// Unused tokens at the end only fill the embedding up to a round size; they are left off.
struct GgufVocab {
  std::vector<std::string_view> tokens;  // UTF-8
  std::vector<TokenType> types;          // as many
  std::unordered_map<std::string_view, int64_t> ids;
};

// UserError for more tokens than rows of the embedding, two tokens of one text, and types that do not fit. A
// file without types has normal tokens only.
GgufVocab read_vocab(const GgufFile& file, int64_t vocab_size);

Json vocab_entries(const GgufVocab& vocab);                         // text -> id
Json added_token(const GgufVocab& vocab, size_t id, bool special);  // an entry of "added_tokens"

// Text of the token whose id is the value of `key`; nothing without that key, UserError for no such token.
std::optional<std::string> token_text(const GgufFile& file, const char* key);

// post_processor: the file's BOS before and EOS after each text, as it says. add_bos: when it does not say.
Json post_processor(const GgufFile& file, bool add_bos);

// The kinds. Each gives the whole tokenizer.json.
Json byte_level_tokenizer(const GgufFile& file, int64_t vocab_size);     // "gpt2"
Json sentencepiece_tokenizer(const GgufFile& file, int64_t vocab_size);  // "llama"

// The unknown token of the kind "llama": the one that is named, else the one of that type.
size_t sentencepiece_unknown(const GgufFile& file);

}  // namespace keel
