#include "checkpoint/format/gguf_tokenizer.h"

#include <fmt/format.h>

#include "base/utf8.h"
#include "checkpoint/format/gguf_vocab.h"

namespace keel {

Json gguf_tokenizer(const GgufFile& file, int64_t vocab_size) {
  const std::string model = file.text("tokenizer.ggml.model");
  if (model == "gpt2") return byte_level_tokenizer(file, vocab_size);
  if (model == "llama") return sentencepiece_tokenizer(file, vocab_size);
  refuse(file, fmt::format("tokenizer \"{}\"", model),
         "\"gpt2\" (byte-level BPE, as SmolLM2, Qwen and Llama 3 have) or \"llama\" (SentencePiece BPE, as "
         "Llama 2 and Mistral have)",
         kTakeFolder);
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
  if (file.text("tokenizer.ggml.model") == "llama") {
    out["unk_token"] = file.texts("tokenizer.ggml.tokens").at(sentencepiece_unknown(file));
    out["add_bos_token"] = file.find_flag("tokenizer.ggml.add_bos_token").value_or(true);
    out["add_eos_token"] = file.find_flag("tokenizer.ggml.add_eos_token").value_or(false);
  }
  if (const auto chat_template = file.find_text("tokenizer.chat_template")) {
    if (repair_utf8(*chat_template) != *chat_template)
      refuse(file, "a chat template that is not UTF-8", "text", kOtherFile);
    out["chat_template"] = *chat_template;
  }
  return out;
}

}  // namespace keel
