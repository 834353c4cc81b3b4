#include "text/chat_template.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "base/error.h"
#include "base/fs.h"
#include "base/names.h"
#include "text/bridge_call.h"
#include "text/builtin_templates.h"

namespace keel {
namespace {

constexpr int kMostStopped = 4;  // renderings; each may have held 256 MiB

struct Source {
  std::string text, where;
};

std::string builtin_hint() {
  return "name one of the built-in templates (" + join(ChatTemplate::builtin_names()) +
         ") or give a Jinja file with chat_template";
}

// The text of `chat_template` in tokenizer_config.json: a text, or the "default" (or only) one of a named
// list.
std::string template_text(const Json& value, const std::string& where) {
  if (value.is_string()) return value.get<std::string>();
  std::vector<std::string> names;
  for (const Json& entry : value.is_array() ? value : Json::array()) {
    if (!entry.is_object() || !entry.contains("template") || !entry["template"].is_string()) continue;
    names.push_back(entry.value("name", ""));
    if (names.back() == "default" || value.size() == 1) return entry["template"].get<std::string>();
  }
  throw UserError({.where = where,
                   .found = names.empty() ? "no text" : "templates named " + join(names),
                   .wanted = "a text, or a list of {name, template} with the name default",
                   .hint = builtin_hint()});
}

std::optional<Source> find_source(const fs::path& dir) {
  const fs::path jinja = dir / "chat_template.jinja";
  if (fs::exists(jinja)) return Source{.text = read_text(jinja), .where = jinja.string()};
  const fs::path config_path = dir / "tokenizer_config.json";
  if (!fs::exists(config_path)) return std::nullopt;
  const Json config = read_json(config_path);
  if (!config.is_object() || !config.contains("chat_template") || config["chat_template"].is_null())
    return std::nullopt;
  const std::string where = config_path.string() + ": chat_template";
  return Source{.text = template_text(config["chat_template"], where), .where = where};
}

std::string json_text(const Json& value, const std::string& where) {
  try {
    return value.dump();
  } catch (const Json::type_error& error) {  // the only one: bytes that are no UTF-8
    throw UserError({.where = where, .found = error.what(), .wanted = "messages in UTF-8"});
  }
}

}  // namespace

void ChatTemplate::Free::operator()(BrTemplate* handle) const { br_template_free(handle); }

ChatTemplate ChatTemplate::from_folder(const fs::path& dir) {
  if (auto found = find_in_folder(dir)) return std::move(*found);
  throw UserError({.where = dir.string(),
                   .found = "no chat template",
                   .wanted = "chat_template.jinja, or chat_template in tokenizer_config.json",
                   .hint = builtin_hint()});
}

std::optional<ChatTemplate> ChatTemplate::find_in_folder(const fs::path& dir) {
  auto source = find_source(dir);
  if (!source) return std::nullopt;
  return from_source(std::move(source->text), load_special_tokens(dir), source->where);
}

ChatTemplate ChatTemplate::from_source(std::string source, SpecialTokens special, const std::string& where) {
  BrTemplate* handle = nullptr;
  call_bridge(where, "mend the Jinja source, or " + builtin_hint(),
              [&](char** err) { return br_template_new(borrow(source), &handle, err); });
  ChatTemplate chat_template;
  chat_template.handle_.reset(handle);
  chat_template.source_ = std::move(source);
  chat_template.where_ = where;
  chat_template.special_ = std::move(special);
  return chat_template;
}

ChatTemplate ChatTemplate::from_builtin(std::string_view name, SpecialTokens special) {
  auto source = builtin(name);
  if (!source) {
    const std::vector<std::string> names = builtin_names();
    const std::string near = nearest_name(name, names);
    throw UserError({.where = "template",
                     .found = "unknown name \"" + std::string(name) + "\"",
                     .wanted = "one of " + join(names),
                     .hint = near.empty() ? "" : near});
  }
  return from_source(std::move(*source), std::move(special), "built-in template " + std::string(name));
}

std::optional<std::string> ChatTemplate::builtin(std::string_view name) {
  for (const BuiltinTemplate& known : builtin_templates()) {
    if (known.name == name) return builtin_source(known);
  }
  return std::nullopt;
}

std::vector<std::string> ChatTemplate::builtin_names() {
  std::vector<std::string> names;
  for (const BuiltinTemplate& known : builtin_templates()) names.emplace_back(known.name);
  return names;
}

bool ChatTemplate::has_generation() const { return br_template_has_generation(handle_.get()) != 0; }

Rendered ChatTemplate::render(const Messages& messages, const RenderOptions& options) const {
  Json vars = special_.by_name;
  if (options.vars.is_object()) vars.update(options.vars);
  const bool no_tools = options.tools.is_null() || options.tools.empty();
  const std::string messages_text = json_text(messages, where_);
  const std::string tools_text = no_tools ? "" : json_text(options.tools, where_);
  const std::string vars_text = json_text(vars, where_);
  const size_t stopped_before = br_stopped();
  BrRendered raw{};
  try {
    call_bridge(where_, "", [&](char** err) {
      return br_template_render(handle_.get(), borrow(messages_text), borrow(tools_text), borrow(vars_text),
                                options.add_generation_prompt, has_generation(), &raw, err);
    });
  } catch (const UserError&) {
    if (br_stopped() == stopped_before || ++*stopped_ < kMostStopped) throw;
    throw RunawayTemplate(
        {.where = where_,
         .found =
             fmt::format("{} conversations needed more memory than a template may have", stopped_->load()),
         .wanted = "a template that needs little more than the text of its conversation",
         .hint = "mend the Jinja source, or " + builtin_hint()});
  }
  Rendered rendered{.text = std::string(raw.text.data, raw.text.len), .generation = {}};
  for (const BrSpan& span : std::span(raw.spans, raw.n_spans)) {
    rendered.generation.push_back({span.begin_byte, span.end_byte});
  }
  br_rendered_free(&raw);
  return rendered;
}

}  // namespace keel
