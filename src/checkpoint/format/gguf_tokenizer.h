// The tokenizer inside a GGUF file as the files of Hugging Face. Two kinds: byte-level BPE ("gpt2" in GGUF's
// words) with the pre-tokenizers gpt-2, default, smollm, qwen2 and llama-bpe; and SentencePiece BPE with byte
// fallback ("llama"). As in llama.cpp, special and user-defined tokens are found in the text as it is, and
// the blank that SentencePiece puts before a text also goes before what follows such a token.
#pragma once

#include "base/json.h"
#include "checkpoint/format/gguf.h"

namespace keel {

// tokenizer.json. vocab_size: rows of the embedding; more tokens than rows are refused.
Json gguf_tokenizer(const GgufFile& file, int64_t vocab_size);

// tokenizer_config.json with the special tokens and the chat template.
Json gguf_tokenizer_config(const GgufFile& file);

}  // namespace keel
