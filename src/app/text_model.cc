#include "app/text_model.h"

#include "base/fs.h"
#include "checkpoint/hub_cache.h"

namespace keel {
namespace {

ChatTemplate load_template(const fs::path& dir, const DataOptions& data) {
  SpecialTokens special = load_special_tokens(dir);
  if (!data.chat_template.empty())
    return ChatTemplate::from_source(read_text(data.chat_template), std::move(special), data.chat_template);
  if (!data.template_name.empty()) return ChatTemplate::from_builtin(data.template_name, std::move(special));
  return ChatTemplate::from_folder(dir);
}

}  // namespace

TextModel load_text_model(const ModelOptions& model, const DataOptions& data) {
  const fs::path dir = resolve_folder(model.model_name_or_path, "model_name_or_path", "tokenizer.json");
  const fs::path adapter = model.adapter_name_or_path;
  const bool own = !adapter.empty() && fs::exists(adapter / "tokenizer.json");
  Tokenizer tokenizer = Tokenizer::from_folder(own ? adapter : dir);
  if (!model.add_tokens.empty()) tokenizer.add_tokens(model.add_tokens, true);
  return {.tokenizer = std::move(tokenizer), .chat_template = load_template(dir, data)};
}

}  // namespace keel
