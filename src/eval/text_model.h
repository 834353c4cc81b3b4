// What of a model folder is needed to see rows as tokens: no weights are read.
#pragma once

#include <filesystem>
#include <string>

#include "model/options.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace keel {

struct TextModelOptions {
  ModelOptions model;              // read: model_name_or_path, adapter_name_or_path, add_tokens
  std::string template_name;       // named built-in, for a folder without a template
  std::string chat_template_file;  // replaces the folder's own
};

struct TextModel {
  Tokenizer tokenizer;
  int64_t first_new_token = 0;  // id from which the tokens of add_tokens follow the tokenizer's own
  ChatTemplate chat_template;
};

// The adapter's tokenizer when it has one, with add_tokens; chat_template_file before template_name before
// the folder's own. UserError: no such folder, a broken tokenizer, no template (names the built-in ones).
TextModel load_text_model(const TextModelOptions& options);

// The same of a model folder that was found already.
TextModel load_text_model(const std::filesystem::path& dir, const TextModelOptions& options);

}  // namespace keel
