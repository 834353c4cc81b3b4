#include "config/help.h"

#include <fmt/format.h>

#include <set>

#include "base/names.h"
#include "config/run_config.h"
#include "config/translate.h"
#include "config/unsupported.h"
#include "config/values.h"

namespace keel {
namespace {

constexpr size_t kColumns = 100;
constexpr std::string_view kIndent = "      ";

// Words of `text` in lines of at most kColumns, each begun with the indent.
std::string wrapped(const std::string& text) {
  std::string out, line(kIndent);
  for (const std::string& word : split(text, ' ')) {
    if (line.size() > kIndent.size() && line.size() + 1 + word.size() > kColumns) {
      out += line + "\n";
      line = kIndent;
    }
    if (line.size() > kIndent.size()) line += ' ';
    line += word;
  }
  return out + line + "\n";
}

// What may stand there: a choice, or type and range.
std::string allowed(const FieldRef& field) {
  if (!field.extra.choices.empty()) return join(field.extra.choices, " | ");
  const std::string wanted = wanted_text(field);
  return field.extra.min || field.extra.max ? wanted.substr(2) : type_name(field);
}

std::string default_text(const FieldRef& field) {
  const std::string text = value_text(field);
  return text == "\"\"" || text == "[]" ? "" : text;
}

std::string heading(const FieldRef& field) {
  const std::string value = default_text(field);
  return fmt::format("  --{} {}", field.name, value.empty() ? "" : fmt::format("({})", value));
}

std::string option_help(const FieldRef& field) {
  std::string first = heading(field);
  while (first.ends_with(' ')) first.pop_back();
  std::string text = field.help + " [" + allowed(field) + "]";
  if (!field.extra.aliases.empty()) text += "; also: " + join(field.extra.aliases);
  return first + "\n" + wrapped(text);
}

// A vertical bar would end a table's cell.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

std::string code(std::string_view text) { return fmt::format("`{}`", text); }

std::string code_list(std::string_view piped) {
  std::string out;
  for (const std::string& word : split(piped, '|')) out += (out.empty() ? "" : ", ") + code(word);
  return out;
}

std::string options_tables() {
  RunConfig config;
  std::string out, group;
  for (const FieldRef& field : config.fields()) {
    if (field.group != group)
      out += fmt::format(
          "\n## {}\n\n| option | default | values | what it "
          "does | other names |\n|---|---|---|---|---|\n",
          field.group);
    group = field.group;
    const std::string value = default_text(field);
    std::string aliases;
    for (const std::string& alias : field.extra.aliases)
      aliases += (aliases.empty() ? "" : ", ") + code(alias);
    out += fmt::format("| `{}` | {} | {} | {} | {} |\n", field.name, value.empty() ? "" : code(cell(value)),
                       cell(allowed(field)), cell(field.help), aliases);
  }
  return out;
}

std::string meaning(const Rule& rule) {
  if (rule.action == Action::refuse) return fmt::format("not supported: {}", rule.text);
  if (rule.action == Action::ignore) return fmt::format("no effect: {}", rule.text);
  const std::string value = rule.to == "="   ? "the same value"
                            : rule.to == "!" ? "the opposite"
                                             : code(rule.to);
  return fmt::format("{}: {}{}", code(rule.target), value,
                     rule.text.empty() ? "" : fmt::format(" ({})", rule.text));
}

std::string when_text(std::string_view when) {
  if (when == "*") return "any value";
  std::string out;
  for (const std::string& word : split(when, '|'))
    out += (out.empty() ? "" : ", ") + code(word == "on" ? "true" : word == "off" ? "false" : word);
  return out;
}

std::string translation_table() {
  std::string out = "| key | value | read as |\n|---|---|---|\n";
  for (const Rule& rule : translation_rules())
    out += fmt::format("| {} | {} | {} |\n", code_list(rule.key), when_text(rule.when), cell(meaning(rule)));
  return out;
}

std::string unsupported_table() {
  std::string out = "| key | why, or what to use |\n|---|---|\n";
  for (const Unsupported& entry : unsupported_keys())
    out += fmt::format("| {} | {} |\n", code_list(entry.keys), cell(entry.reason));
  return out;
}

}  // namespace

std::string options_help(const std::vector<FieldRef>& fields) {
  std::string out, group;
  for (const FieldRef& field : fields) {
    if (field.group != group) out += fmt::format("{}{}\n", out.empty() ? "" : "\n", field.group);
    group = field.group;
    out += option_help(field);
  }
  return out;
}

std::string options_markdown() {
  return "# Options of `keel train`\n\n"
         "Made by `keel options` from the declarations that parse them; do not "
         "edit.\n\n"
         "An option is a key of the YAML file or a flag (`--key value`, "
         "`--key=value`, a switch alone is "
         "true); flags "
         "win over\nthe file. Dashes and underscores mean the same. Every "
         "mistake is reported at once. "
         "`config.yaml` in "
         "the run folder\nholds all of them as they were used.\n" +
         options_tables() +
         "\n## Keys and values of other trainers\n\n"
         "Besides the other names above. A note in the log says what was read "
         "how.\n\n" +
         translation_table() +
         "\n`path#500` takes the first 500 rows. The entries of `datasets:` are described in "
         "[data.md](data.md).\n"
         "\n## Not supported\n\n"
         "These keys are named as not supported, unless they are off (`false`, "
         "`null`, `0`, `none`); `*` "
         "stands for "
         "any ending.\n\n" +
         unsupported_table();
}

}  // namespace keel
