#include "config/parse.h"

#include <fmt/format.h>

#include <optional>

#include "base/names.h"
#include "config/settings.h"
#include "config/translate.h"
#include "config/values.h"

namespace keel {
namespace {

// Names and aliases of all fields.
class FieldIndex {
 public:
  explicit FieldIndex(const std::vector<FieldRef>& fields) : fields_(fields) {
    for (size_t i = 0; i < fields.size(); ++i) {
      add(fields[i].name, i);
      for (const std::string& alias : fields[i].extra.aliases) add(alias, i);
    }
  }

  const FieldRef* find(const std::string& key) const {
    const auto it = index_.find(key);
    return it == index_.end() ? nullptr : &fields_[it->second];
  }

  std::string canonical(const std::string& key) const {
    const FieldRef* field = find(key);
    return field ? field->name : "";
  }

  const std::vector<std::string>& names() const { return names_; }

 private:
  void add(const std::string& name, size_t i) {
    KEEL_CHECK(index_.emplace(name, i).second, "two options share the name " + name);
    names_.push_back(name);
  }

  const std::vector<FieldRef>& fields_;
  std::map<std::string, size_t> index_;
  std::vector<std::string> names_;
};

class Parser {
 public:
  Parser(const std::vector<FieldRef>& fields, const ParseRules& rules) : index_(fields), rules_(rules) {}

  ParseResult run(const std::vector<std::string>& args) {
    CommandLine line = read_command_line(args, [this](const std::string& key) { return kind_of(key); });
    result_.help = line.help;
    result_.problems = std::move(line.problems);
    take_config_flag(line);
    take_words(line.words);
    if (!result_.config_file.empty() && !result_.help)
      for (const Setting& setting : read_config_file(result_.config_file)) take(setting);
    return run(line.settings);
  }

  ParseResult run(std::span<const Setting> settings) {
    for (const Setting& setting : settings) take(setting);
    settle();
    return std::move(result_);
  }

 private:
  FlagKind kind_of(const std::string& key) const {
    const FieldRef* field = index_.find(key);
    if (!field) return FlagKind::single;
    return is_boolean(*field) ? FlagKind::boolean : is_list(*field) ? FlagKind::list : FlagKind::single;
  }

  void take_config_flag(CommandLine& line) {
    if (!rules_.config_file || index_.find("config")) return;
    std::erase_if(line.settings, [&](const Setting& setting) {
      if (setting.key != "config") return false;
      result_.config_file = text_of(setting.value);
      return true;
    });
  }

  void take_words(const std::vector<std::string>& words) {
    for (const std::string& word : words) {
      if (rules_.config_file && result_.config_file.empty() && is_config_file_name(word)) {
        result_.config_file = word;
      } else if (result_.words.size() < rules_.max_words) {
        result_.words.push_back(word);
      } else {
        result_.problems.push_back({.where = "command line",
                                    .found = fmt::format("unexpected word '{}'", word),
                                    .wanted = rules_.config_file
                                                  ? "--option value, or one configuration file "
                                                    "(.yaml, .yml, .json)"
                                                  : "--option value"});
      }
    }
  }

  void take(const Setting& setting) {
    Translation out;
    if (!translate(
            setting, [this](const std::string& key) { return index_.canonical(key); }, out))
      out.problems.push_back(unknown(setting));
    for (Setting& meant : out.settings) keep(std::move(meant), setting.key);
    for (std::string& note : out.notes) result_.notes.push_back(std::move(note));
    for (ErrorText& problem : out.problems) result_.problems.push_back(std::move(problem));
  }

  ErrorText unknown(const Setting& setting) const {
    std::string found = setting.from_flag ? fmt::format("unknown option '{}'", setting.where)
                                          : fmt::format("unknown key '{}'", setting.key);
    const std::string near = likely_name(setting.key, index_.names());
    if (!near.empty()) found += fmt::format(". Did you mean '{}{}'?", setting.from_flag ? "--" : "", near);
    return {.where = setting.from_flag ? "command line" : setting.where,
            .found = found,
            .hint = near.empty() ? fmt::format("keel {} --help lists every option", rules_.command) : ""};
  }

  // Two words for one field in a file must agree; a repeated flag means its
  // last value.
  void keep(Setting meant, const std::string& written) {
    const auto it = chosen_.find(meant.key);
    if (it == chosen_.end()) {
      const std::string name = meant.key;
      order_.push_back(name);
      chosen_[name] = {std::move(meant), written};
      return;
    }
    Choice& old = it->second;
    const bool same_file = !meant.from_flag && !old.setting.from_flag;
    if (same_file && !meant.wins && !old.setting.wins && text_of(meant.value) != text_of(old.setting.value))
      result_.problems.push_back(
          {.where = meant.where,
           .found = fmt::format("{}: '{}', but {} ({}) already says '{}'", written, text_of(meant.value),
                                old.written, old.setting.where, text_of(old.setting.value)),
           .wanted = "one of the two"});
    if (same_file && old.setting.wins && !meant.wins) return;
    if (meant.from_flag && old.setting.from_flag && old.setting.wins && !meant.wins) return;
    old = {std::move(meant), written};
  }

  void settle() {
    for (const std::string& name : order_) {
      const Setting& setting = chosen_[name].setting;
      auto problem = assign(*index_.find(name), setting.value);
      if (problem) {
        problem->where =
            setting.from_flag ? setting.where : fmt::format("{}: {}", setting.where, chosen_[name].written);
        result_.problems.push_back(std::move(*problem));
      }
      if (setting.value.IsDefined() && !setting.value.IsNull()) result_.set_by[name] = setting.where;
    }
  }

  struct Choice {
    Setting setting;
    std::string written;
  };

  FieldIndex index_;
  const ParseRules& rules_;
  ParseResult result_;
  std::map<std::string, Choice> chosen_;
  std::vector<std::string> order_;
};

std::string one_line(const ErrorText& problem) {
  std::string out = problem.where.empty() ? problem.found : problem.where + ": " + problem.found;
  if (!problem.wanted.empty()) out += "; wanted " + problem.wanted;
  if (!problem.hint.empty()) out += "; " + problem.hint;
  return out;
}

}  // namespace

ParseResult collect_options(const std::vector<FieldRef>& fields, const std::vector<std::string>& args,
                            const ParseRules& rules) {
  return Parser(fields, rules).run(args);
}

ParseResult collect_settings(const std::vector<FieldRef>& fields, std::span<const Setting> settings,
                             const ParseRules& rules) {
  return Parser(fields, rules).run(settings);
}

void throw_problems(const std::vector<ErrorText>& problems) {
  if (problems.empty()) return;
  if (problems.size() == 1) throw UserError(problems[0]);
  std::string found = fmt::format("{} mistakes in the options:", problems.size());
  for (size_t i = 0; i < problems.size(); ++i)
    found += fmt::format("\n  {}. {}", i + 1, one_line(problems[i]));
  throw UserError({.found = found});
}

ParseResult parse_options(const std::vector<FieldRef>& fields, const std::vector<std::string>& args,
                          const ParseRules& rules) {
  ParseResult result = collect_options(fields, args, rules);
  if (!result.help) throw_problems(result.problems);
  return result;
}

}  // namespace keel
