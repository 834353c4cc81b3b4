// A model's chat template (Jinja), rendered as transformers' apply_chat_template renders it: its trim and
// lstrip settings, tojson, raise_exception, strftime_now, {% generation %}, the aliases of reasoning_content,
// `tools` and `documents` defined as None, unset special tokens undefined. A template that never ends is
// stopped with an error.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "text/special_tokens.h"

struct BrTemplate;

namespace keel {

// An array of {role, content, …} in OpenAI's form.
using Messages = Json;

// Half-open, in bytes of the rendered text.
struct Span {
  size_t begin = 0;
  size_t end = 0;
  bool operator==(const Span&) const = default;
};

struct RenderOptions {
  bool add_generation_prompt = false;
  Json tools = {};  // JSON schemas; null: none
  Json vars = {};   // further variables, such as {"enable_thinking": false}; null: none
};

struct Rendered {
  std::string text;
  std::vector<Span> generation;  // the {% generation %} blocks, by their beginnings
};

// Several renderings had to be stopped at their limit of memory, and what they held is lost: no fault of one
// conversation that could be left out.
class RunawayTemplate : public UserError {
 public:
  using UserError::UserError;
};

class ChatTemplate {
 public:
  // chat_template.jinja, else chat_template of tokenizer_config.json (a text, or a list of {name, template}
  // of which "default" is taken), together with the folder's special tokens. No template: UserError that
  // lists the built-in ones.
  static ChatTemplate from_folder(const std::filesystem::path& dir);
  static std::optional<ChatTemplate> find_in_folder(const std::filesystem::path& dir);
  // `where` names the source in messages. A template that does not compile is a UserError.
  static ChatTemplate from_source(std::string source, SpecialTokens special = {},
                                  const std::string& where = "chat template");
  // Unknown name: UserError with the known ones.
  static ChatTemplate from_builtin(std::string_view name, SpecialTokens special = {});

  static std::optional<std::string> builtin(std::string_view name);  // its source
  static std::vector<std::string> builtin_names();

  bool has_generation() const;
  const std::string& source() const { return source_; }
  const SpecialTokens& special() const { return special_; }

  // UserError with the template's own reason when it refuses the messages or fails; RunawayTemplate.
  Rendered render(const Messages& messages, const RenderOptions& options = {}) const;

 private:
  struct Free {
    void operator()(BrTemplate* handle) const;
  };
  ChatTemplate() = default;

  std::unique_ptr<BrTemplate, Free> handle_;
  std::unique_ptr<std::atomic<int>> stopped_ = std::make_unique<std::atomic<int>>(0);  // renderings
  std::string source_, where_;
  SpecialTokens special_;
};

}  // namespace keel
