// What of a model folder is needed to see rows as tokens: no weights are read.
#pragma once

#include "data/options.h"
#include "model/options.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace keel {

struct TextModel {
  Tokenizer tokenizer;
  ChatTemplate chat_template;
};

// As load_chat_model chooses them: the adapter's tokenizer when it has one, add_tokens, chat_template before
// template before the folder's own.
TextModel load_text_model(const ModelOptions& model, const DataOptions& data);

}  // namespace keel
