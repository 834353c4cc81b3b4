#include "config/translate.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/names.h"
#include "config/unsupported.h"
#include "config/values.h"

namespace keel {
namespace {

std::string told(const Setting& setting) {
  return fmt::format("{}: {} ({})", setting.key, text_of(setting.value), setting.where);
}

ErrorText refusal(const Setting& setting, std::string_view why) {
  return {
      .where = setting.from_flag ? "command line" : setting.where,
      .found = fmt::format("{}: {} is not supported by Keel: {}", setting.key, text_of(setting.value), why)};
}

bool names(std::string_view keys, std::string_view key) {
  for (const std::string& pattern : split(keys, '|'))
    if (matches_glob(key, pattern)) return true;
  return false;
}

bool matches(std::string_view when, const std::string& text) {
  if (when == "*") return true;
  for (const std::string& word : split(when, '|')) {
    if (word == "off" && is_off(text)) return true;
    if (word == "on" && parse_bool(text) == true) return true;
    if (lower(word) == lower(text)) return true;
  }
  return false;
}

Setting renamed(const Setting& setting, std::string_view key) {
  Setting out = setting;
  out.key = key;
  return out;
}

void apply(const Rule& rule, const Setting& setting, Translation& out) {
  if (rule.action == Action::refuse) {
    out.problems.push_back(refusal(setting, rule.text));
    return;
  }
  if (rule.action == Action::ignore) {
    if (!setting.value.IsNull())
      out.notes.push_back(fmt::format("ignored: {}: {}", told(setting), rule.text));
    return;
  }
  Setting set = renamed(setting, rule.target);
  set.wins = rule.action == Action::force;
  if (rule.to == "!") {
    set.value = YAML::Node(parse_bool(text_of(setting.value)) == true ? "false" : "true");
  } else if (rule.to != "=") {
    set.value = YAML::Node(std::string(rule.to));
  }
  if (!rule.text.empty())
    out.notes.push_back(
        fmt::format("{} read as {}: {}; {}", told(setting), rule.target, text_of(set.value), rule.text));
  out.settings.push_back(std::move(set));
}

// The path of one entry of a list of held-out sets; keys that only say what Keel finds out
// by itself are let pass.
std::string entry_path(const YAML::Node& entry, const Setting& setting, Translation& out) {
  static constexpr std::string_view kHarmless[] = {"type",    "split",      "name",
                                                   "ds_type", "data_files", "chat_template"};
  std::string path;
  for (const auto& item : entry) {
    const std::string key = text_of(item.first);
    if (key == "path") {
      path = text_of(item.second);
    } else if (std::ranges::find(kHarmless, key) == std::end(kHarmless)) {
      out.problems.push_back(
          {.where = setting.where,
           .found = fmt::format("{}: entry key '{}' is not supported by Keel", setting.key, key),
           .wanted = "path: FILE; the form of the rows is recognised from the rows"});
    }
  }
  if (path.empty())
    out.problems.push_back({.where = place_of(setting, setting.key),
                            .found = "an entry without 'path'",
                            .wanted = "path: FILE"});
  return path;
}

// "path#500": the first 500 rows. Returns the path; rows stays as it is without
// the suffix.
std::string cut_row_limit(const std::string& text, std::string& rows) {
  const size_t mark = text.rfind('#');
  if (mark == std::string::npos || mark + 1 == text.size()) return text;
  if (text.find_first_not_of("0123456789", mark + 1) != std::string::npos) return text;
  rows = text.substr(mark + 1);
  return text.substr(0, mark);
}

bool has_map(const YAML::Node& value) {
  if (value.IsMap()) return true;
  if (!value.IsSequence()) return false;
  return std::ranges::any_of(value, [](const YAML::Node& item) { return item.IsMap(); });
}

// A flag's value is one scalar, which may write a list or a map. What is none, or cannot be read, stays as it
// is: told as a wrong value where it is used.
Setting with_flow_read(Setting setting) {
  const std::string text = setting.value.IsScalar() ? setting.value.Scalar() : "";
  if (!text.starts_with('[') && !text.starts_with('{')) return setting;
  if (const auto value = read_yaml(text)) setting.value.reset(*value);
  return setting;
}

// Paths alone go to `dataset` under either name, entries to `datasets`. takes_entries: this command has it.
void translate_datasets(const Setting& given, const std::string& name, bool takes_entries, Translation& out) {
  const Setting setting = with_flow_read(given);
  const YAML::Node& value = setting.value;
  const bool training = name == "dataset" || name == "datasets";
  if (!value.IsDefined() || value.IsNull()) {
    out.settings.push_back(renamed(setting, name));
    return;
  }
  if (has_map(value) && training && takes_entries) {
    out.settings.push_back(renamed(setting, "datasets"));
    return;
  }
  Setting set = renamed(setting, training ? "dataset" : name);
  std::vector<std::string> limits;
  YAML::Node paths(YAML::NodeType::Sequence);
  const auto add = [&](const std::string& text) {
    std::string rows;
    paths.push_back(cut_row_limit(text, rows));
    limits.push_back(rows);
  };
  if (value.IsSequence() || value.IsMap()) {
    const YAML::Node items = value.IsMap() ? YAML::Node(std::vector<YAML::Node>{value}) : value;
    for (const YAML::Node& item : items) add(item.IsMap() ? entry_path(item, setting, out) : text_of(item));
    set.value.reset(paths);  // assigning would change the setting's own node
  } else if (value.IsScalar() && value.Scalar().find('#') != std::string::npos) {
    for (const std::string& item : split(value.Scalar(), ',')) add(item);
    set.value.reset(paths);  // assigning would change the setting's own node
  }
  const bool limited = std::ranges::any_of(limits, [](const std::string& rows) { return !rows.empty(); });
  const bool same = std::ranges::all_of(limits, [&](const std::string& rows) { return rows == limits[0]; });
  if (limited && !same && training && takes_entries) {  // the list reads the limits itself
    set.key = "datasets";
    set.value.reset(value.IsSequence() ? value : YAML::Node(split(value.Scalar(), ',')));
    out.settings.push_back(std::move(set));
    return;
  }
  out.settings.push_back(std::move(set));
  if (!limited) return;
  if (!same || !training) {
    out.problems.push_back({.where = place_of(setting, setting.key),
                            .found = "row limits (#N) that differ between files",
                            .wanted = "one limit for all files of dataset: max_samples: N"});
    return;
  }
  Setting rows = renamed(setting, "max_samples");
  rows.value = YAML::Node(limits[0]);
  out.settings.push_back(std::move(rows));
}

void wrong_value(const Setting& setting, Translation& out) {
  std::vector<std::string> known;
  for (const Rule& rule : translation_rules())
    if (names(rule.key, setting.key) && rule.action != Action::refuse)
      known.emplace_back(rule.when == "on" ? "true" : rule.when == "off" ? "false" : rule.when);
  out.problems.push_back({.where = place_of(setting, setting.key),
                          .found = fmt::format("'{}'", text_of(setting.value)),
                          .wanted = "one of: " + join(known)});
}

}  // namespace

bool is_off(std::string_view text) {
  static constexpr std::string_view kOff[] = {"",  "false", "no",  "off", "none", "null",
                                              "~", "0",     "0.0", "[]",  "{}",   "never"};
  return std::ranges::find(kOff, lower(text)) != std::end(kOff);
}

bool translate(const Setting& setting, const Canonical& canonical, Translation& out) {
  const std::string name = canonical(setting.key);
  const std::string text = text_of(setting.value);
  bool in_table = false;
  for (const Rule& rule : translation_rules()) {
    if (!names(rule.key, setting.key) && (name.empty() || rule.key != name)) continue;
    // A field of this command is never swallowed whole by a row about another
    // trainer's key.
    if (!name.empty() && rule.when == "*") continue;
    // A row whose target this command does not have says nothing to it.
    if (!rule.target.empty() && canonical(std::string(rule.target)).empty()) continue;
    in_table = true;
    if (!matches(rule.when, text)) continue;
    apply(rule, setting, out);
    return true;
  }
  if (name == "dataset" || name == "datasets" || name == "eval_dataset" || name == "general_dataset") {
    translate_datasets(setting, name, !canonical("datasets").empty(), out);
    return true;
  }
  if (!name.empty()) {
    out.settings.push_back(renamed(setting, name));
    return true;
  }
  const std::string_view reason = unsupported_reason(setting.key);
  if (reason.empty() && in_table && !setting.value.IsNull()) wrong_value(setting, out);
  if (reason.empty()) return in_table;
  if (is_off(text)) {
    if (!setting.value.IsNull())
      out.notes.push_back(fmt::format("ignored: {}: not part of Keel, and off here", told(setting)));
  } else {
    out.problems.push_back(refusal(setting, reason));
  }
  return true;
}

}  // namespace keel
