#include "eval/text_model.h"

#include "base/fs.h"
#include "checkpoint/hub_cache.h"

namespace keel {
namespace {

ChatTemplate load_template(const fs::path& dir, const TextModelOptions& options) {
  SpecialTokens special = load_special_tokens(dir);
  if (!options.chat_template_file.empty())
    return ChatTemplate::from_source(read_text(options.chat_template_file), std::move(special),
                                     options.chat_template_file);
  if (!options.template_name.empty())
    return ChatTemplate::from_builtin(options.template_name, std::move(special));
  return ChatTemplate::from_folder(dir);
}

// An adapter that brought new tokens has a tokenizer of its own.
Tokenizer load_tokenizer(const fs::path& model, const fs::path& adapter) {
  const bool own = !adapter.empty() && fs::exists(adapter / "tokenizer.json");
  return Tokenizer::from_folder(own ? adapter : model);
}

}  // namespace

TextModel load_text_model(const TextModelOptions& options) {
  return load_text_model(
      resolve_folder(options.model.model_name_or_path, "model_name_or_path", "tokenizer.json"), options);
}

TextModel load_text_model(const fs::path& dir, const TextModelOptions& options) {
  Tokenizer tokenizer = load_tokenizer(dir, options.model.adapter_name_or_path);
  const int64_t first_new = tokenizer.max_id() + 1;
  if (!options.model.add_tokens.empty()) tokenizer.add_tokens(options.model.add_tokens, true);
  return {.tokenizer = std::move(tokenizer),
          .first_new_token = first_new,
          .chat_template = load_template(dir, options)};
}

}  // namespace keel
