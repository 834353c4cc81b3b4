#include "config/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "base/fs.h"
#include "base/names.h"
#include "base/utf8.h"
#include "config/yaml_documents.h"

namespace keel {
namespace {

std::string key_name(std::string_view written) {
  std::string key(written);
  std::replace(key.begin(), key.end(), '-', '_');
  return key;
}

constexpr size_t kLongestText = 2000;  // of a list or map; an anchor can make a short file a long list

void append_text(const YAML::Node& node, int depth, std::string& out) {
  if (!node.IsDefined() || node.IsNull()) return;
  if (node.IsScalar()) {
    out += node.Scalar();
    return;
  }
  if (depth > 2) {
    out += "…";
    return;
  }
  if (node.IsMap()) out += "{";
  const size_t begin = out.size();
  for (const auto& item : node) {
    if (out.size() > begin) out += node.IsMap() ? ", " : ",";
    if (out.size() > kLongestText) {
      out += "…";
      break;
    }
    append_text(node.IsMap() ? item.first : item, depth + 1, out);
    if (!node.IsMap()) continue;
    out += ": ";
    append_text(item.second, depth + 1, out);
  }
  if (node.IsMap()) out += "}";
}

class FlagReader {
 public:
  FlagReader(const std::vector<std::string>& args, const FlagKindOf& kind_of)
      : args_(args), kind_of_(kind_of) {}

  CommandLine read() {
    while (next_ < args_.size()) {
      const std::string& word = args_[next_++];
      if (word == "-h" || word == "--help") {
        out_.help = true;
      } else if (word.starts_with("--") && word.size() > 2) {
        read_flag(word.substr(2));
      } else if (word.size() > 1 && word[0] == '-' && std::isalpha(static_cast<unsigned char>(word[1]))) {
        out_.problems.push_back({.where = "command line",
                                 .found = fmt::format("unknown option '{}'", word),
                                 .wanted = "options with two dashes, such as --learning_rate 1e-4"});
      } else {
        out_.words.push_back(word);
      }
    }
    return std::move(out_);
  }

 private:
  bool value_follows() const { return next_ < args_.size() && !args_[next_].starts_with("--"); }

  void add(const std::string& key, YAML::Node value) {
    out_.settings.push_back({key_name(key), std::move(value), "--" + key, true});
  }

  void read_flag(const std::string& flag) {
    if (const size_t equals = flag.find('='); equals != std::string::npos)
      return add(flag.substr(0, equals), YAML::Node(flag.substr(equals + 1)));
    const FlagKind kind = kind_of_(key_name(flag));
    const bool file_follows = value_follows() && is_config_file_name(args_[next_]);
    if (!value_follows() || (kind == FlagKind::boolean && file_follows)) {
      if (kind == FlagKind::boolean || kind == FlagKind::single) return add(flag, YAML::Node("true"));
      return add(flag, YAML::Node(""));
    }
    std::string value = args_[next_++];
    // A list takes all words up to the next flag, as argparse does; a YAML file
    // among them is the configuration.
    while (kind == FlagKind::list && value_follows() && !args_[next_].ends_with(".yaml") &&
           !args_[next_].ends_with(".yml"))
      value += "," + args_[next_++];
    add(flag, YAML::Node(value));
  }

  const std::vector<std::string>& args_;
  const FlagKindOf& kind_of_;
  size_t next_ = 0;
  CommandLine out_;
};

// Tabs in front of a line are what YAML's own messages never name.
std::string how_to_mend(std::string_view text) {
  int line = 1;
  for (size_t begin = 0; begin < text.size(); ++line) {
    const size_t first = std::min(text.find_first_not_of(' ', begin), text.size());
    if (first < text.size() && text[first] == '\t')
      return fmt::format("line {} is indented with a tab; YAML wants spaces", line);
    begin = std::min(text.find('\n', begin), text.size() - 1) + 1;
  }
  return "check the indentation and the quotes there; values with ': ' or '#' need quotes";
}

}  // namespace

YAML::Node load_yaml(const std::string& path) {
  const std::string text = read_text(path);
  const bool utf16 = text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF");  // the reader knows it
  if (!utf16 && repair_utf8(text) != text)
    throw UserError({.where = path,
                     .found = "bytes that are not UTF-8",
                     .wanted = "a text file in UTF-8",
                     .hint = "save it in UTF-8 in your editor"});
  try {
    const int64_t documents = count_documents(text);
    if (documents > 1)
      throw UserError({.where = path,
                       .found = fmt::format("{} documents (\"---\" begins a new one)", documents),
                       .wanted = "one",
                       .hint = "put them into files of their own"});
    return YAML::Load(text);
  } catch (const YAML::Exception& error) {
    throw UserError({.where = fmt::format("{}:{}:{}", path, error.mark.line + 1, error.mark.column + 1),
                     .found = "not valid YAML: " + error.msg,
                     .hint = how_to_mend(text)});
  }
}

std::string likely_name(std::string_view name, std::span<const std::string> known) {
  const std::string near = nearest_name(name, known);
  return edit_distance(name, near) * 3 <= std::max(name.size(), near.size()) ? near : "";
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::optional<bool> parse_bool(std::string_view text) {
  const std::string word = lower(text);
  for (const char* yes : {"true", "yes", "on", "1"})
    if (word == yes) return true;
  for (const char* no : {"false", "no", "off", "0"})
    if (word == no) return false;
  return std::nullopt;
}

bool is_config_file_name(std::string_view word) {
  return word.ends_with(".yaml") || word.ends_with(".yml") || word.ends_with(".json");
}

std::string text_of(const YAML::Node& node) {
  std::string out;
  append_text(node, 0, out);
  return out;
}

std::string place_of(const Setting& setting, const std::string& written) {
  return setting.from_flag ? setting.where : fmt::format("{}: {}", setting.where, written);
}

std::vector<Setting> read_config_file(const std::string& path) {
  const YAML::Node root = load_yaml(path);
  if (root.IsNull()) return {};
  if (!root.IsMap())
    throw UserError({.where = path,
                     .found = root.IsSequence() ? "a list" : "a single value",
                     .wanted = "a configuration: one 'key: value' on each line"});
  std::vector<Setting> out;
  for (const auto& item : root) {
    const std::string where = fmt::format("{}:{}", path, item.first.Mark().line + 1);
    out.push_back({key_name(text_of(item.first)), item.second, where});
  }
  return out;
}

CommandLine read_command_line(const std::vector<std::string>& args, const FlagKindOf& kind_of) {
  return FlagReader(args, kind_of).read();
}

}  // namespace keel
