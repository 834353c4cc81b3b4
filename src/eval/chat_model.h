// Everything that belongs to one model folder, ready to train or to answer: weights, tokenizer, chat
// template.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "checkpoint/hf_folder.h"
#include "model/model.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace keel {

struct ChatModel {
  HfFolder folder;
  Json config;  // of the model as it is now (add_tokens grows vocab_size)
  Tokenizer tokenizer;
  bool tokens_added = false;  // the tokenizer differs from the folder's: it is saved with the weights
  ChatTemplate chat_template;
  SpecialTokens special;
  std::unique_ptr<CausalLM> lm;
  std::vector<int32_t>
      stop_ids;                  // end of turn as the template writes it, and the folder's end-of-text tokens
  std::string precision_reason;  // why this compute type, for the log
};

struct ChatModelOptions {
  ModelOptions model;
  std::string template_name, chat_template_file;  // as in TextModelOptions
  uint64_t seed = 42;                             // of fresh adapters
  bool train = false;  // false: nothing requires grad, adapters are attached only when named
};

// Throws UserError: folder missing or broken, tokenizer larger than the model, no template (names the
// built-in ones), ….
ChatModel load_chat_model(const ChatModelOptions& options);

// The prompt of a chat as inference sees it: template with the generation prompt, tokenised, one BOS at most.
std::vector<int32_t> prompt_ids(const ChatModel& model, const Json& messages, const Json& tools = nullptr);

// A conversation of one user message (after a system message, when given).
Json user_message(const std::string& text, const std::string& system = {});

}  // namespace keel
