#include "eval/answer_check.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <map>
#include <regex>
#include <sstream>

#include "base/utf8.h"

namespace keel {
namespace {

// Lower case, white space runs as one space.
std::string folded(const std::string& text) {
  std::string out;
  for (const char c : lower_ascii(trimmed(text))) {
    const bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (space && !out.empty() && out.back() == ' ') continue;
    out += space ? ' ' : c;
  }
  return out;
}

std::string bare(std::string text) {
  static const std::vector<std::string> kEdges{"\"", "'", ".", "!",  "?",  "*",
                                               "`",  "“", "”", "。", "！", "？"};
  text = folded(text);
  for (bool changed = true; changed && !text.empty();) {
    changed = false;
    for (const std::string& edge : kEdges) {
      if (text.ends_with(edge)) text.erase(text.size() - edge.size()), changed = true;
      const bool quote = edge != "." && edge != "!" && edge != "?";
      if (quote && text.starts_with(edge)) text.erase(0, edge.size()), changed = true;
    }
  }
  return std::string(trimmed(text));
}

int64_t word_count(const std::string& text) {
  std::istringstream in(text);
  int64_t n = 0;
  for (std::string word; in >> word;) ++n;
  return n;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.emplace_back(trimmed(line));
  return out;
}

int64_t bullet_count(const std::string& text) {
  const auto lines = lines_of(text);
  return std::ranges::count_if(lines, [](const std::string& l) {
    return l.starts_with("- ") || l.starts_with("* ") || l.starts_with("• ");
  });
}

int64_t sentence_count(const std::string& text) {
  static const std::vector<std::string> kEnds{".", "!", "?", "。", "！", "？"};
  int64_t n = 0;
  bool open = false;
  for (size_t i = 0; i < text.size();) {
    const auto end =
        std::ranges::find_if(kEnds, [&](const std::string& e) { return text.compare(i, e.size(), e) == 0; });
    if (end == kEnds.end()) {
      open = open || !std::isspace(static_cast<unsigned char>(text[i]));
      ++i;
      continue;
    }
    n += open;
    open = false;
    i += end->size();
  }
  return n + open;
}

bool has_case(const std::string& text, bool upper) {
  bool any = false;
  for (const char c : text) {
    const bool up = c >= 'A' && c <= 'Z', low = c >= 'a' && c <= 'z';
    if (upper ? low : up) return false;
    any = any || (upper ? up : low);
  }
  return any;
}

bool has_json_keys(const std::string& text, const Json& keys) {
  const size_t begin = text.find('{'), end = text.rfind('}');
  if (begin == std::string::npos || end == std::string::npos || end < begin) return false;
  const Json object = Json::parse(text.substr(begin, end - begin + 1), nullptr, false);
  return object.is_object() &&
         std::ranges::all_of(keys, [&](const Json& k) { return object.contains(k.get<std::string>()); });
}

bool holds(const std::string& text, const std::string& part) {
  return folded(text).find(folded(part)) != std::string::npos;
}

// Share of the letters that are Chinese characters; letters are those and ASCII ones. -1: none at all.
double chinese_share(const std::string& text) {
  int64_t chinese = 0, ascii = 0;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = next_character(text, at);
    chinese += (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF);
    ascii += (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  }
  return chinese + ascii == 0 ? -1 : static_cast<double>(chinese) / static_cast<double>(chinese + ascii);
}

// By the script of most letters.
bool is_language(const std::string& text, const Json& language) {
  const double share = chinese_share(text);
  return language == "zh" ? share > 0.5 : share >= 0 && share < 0.5;
}

bool has_comma(const std::string& text) {
  return text.find(',') != std::string::npos || text.find("，") != std::string::npos;
}

bool is_count(const Json& v) { return v.is_number_integer() && v >= 0; }
bool is_word(const Json& v) { return v.is_string(); }
bool is_words(const Json& v) {
  return v.is_array() && std::ranges::all_of(v, [](const Json& s) { return s.is_string(); });
}

struct Condition {
  const char* wanted;
  bool (*fits)(const Json& value);
  bool (*holds)(const std::string& reply, const Json& value);
};

const std::map<std::string, Condition>& conditions() {
  constexpr const char *kCount = "a whole number", *kText = "a text", *kTexts = "a list of texts";
  static const std::map<std::string, Condition> kConditions{
      {"max_words",
       {kCount, is_count, [](const auto& r, const Json& v) { return word_count(r) <= v.get<int64_t>(); }}},
      {"min_words",
       {kCount, is_count, [](const auto& r, const Json& v) { return word_count(r) >= v.get<int64_t>(); }}},
      {"must_contain",
       {kTexts, is_words,
        [](const auto& r, const Json& v) {
          return std::ranges::all_of(v, [&](const Json& s) { return holds(r, s.get<std::string>()); });
        }}},
      {"must_not_contain",
       {kTexts, is_words,
        [](const auto& r, const Json& v) {
          return std::ranges::none_of(v, [&](const Json& s) { return holds(r, s.get<std::string>()); });
        }}},
      {"case",
       {"\"upper\" or \"lower\"", [](const Json& v) { return v == "upper" || v == "lower"; },
        [](const auto& r, const Json& v) { return has_case(r, v == "upper"); }}},
      {"starts_with",
       {kText, is_word,
        [](const auto& r, const Json& v) { return folded(r).starts_with(folded(v.get<std::string>())); }}},
      {"ends_with",
       {kText, is_word,
        [](const auto& r, const Json& v) { return folded(r).ends_with(folded(v.get<std::string>())); }}},
      {"bullets",
       {kCount, is_count, [](const auto& r, const Json& v) { return bullet_count(r) == v.get<int64_t>(); }}},
      {"sentences",
       {kCount, is_count,
        [](const auto& r, const Json& v) { return sentence_count(r) == v.get<int64_t>(); }}},
      {"json_keys", {kTexts, is_words, has_json_keys}},
      {"language", {"\"en\" or \"zh\"", [](const Json& v) { return v == "en" || v == "zh"; }, is_language}},
      {"no_commas",
       {"true", [](const Json& v) { return v == true; },
        [](const auto& r, const Json&) { return !has_comma(r); }}},
  };
  return kConditions;
}

}  // namespace

bool equals_answer(const std::string& reply, const std::string& answer) {
  return bare(reply) == bare(answer);
}

bool contains_any(const std::string& reply, const Json& accept) {
  return std::ranges::any_of(accept, [&](const Json& s) { return holds(reply, s.get<std::string>()); });
}

bool last_number_is(const std::string& reply, double answer) {
  static const std::regex kNumber(R"(-?\d+(,\d{3})*(\.\d+)?)");
  std::string last;
  for (auto it = std::sregex_iterator(reply.begin(), reply.end(), kNumber); it != std::sregex_iterator();
       ++it) {
    last = it->str();
    const auto at = static_cast<size_t>(it->position());
    const bool range = last[0] == '-' && at > 0 && std::isdigit(static_cast<unsigned char>(reply[at - 1]));
    if (range) last.erase(0, 1);  // 5-7, 2024-01-31
  }
  std::erase(last, ',');
  return !last.empty() &&
         std::abs(std::strtod(last.c_str(), nullptr) - answer) < 1e-9 * std::max(1.0, std::abs(answer));
}

bool matches_pattern(const std::string& reply, const std::string& pattern) {
  return std::regex_search(std::string(trimmed(reply)),
                           std::regex(pattern, std::regex::ECMAScript | std::regex::icase));
}

bool meets_constraints(const std::string& reply, const Json& constraint) {
  const std::string text(trimmed(reply));
  return std::ranges::all_of(constraint.items(),
                             [&](const auto& c) { return conditions().at(c.key()).holds(text, c.value()); });
}

const std::vector<std::string>& constraint_keys() {
  static const std::vector<std::string> kKeys = [] {
    std::vector<std::string> keys;
    for (const auto& [key, condition] : conditions()) keys.push_back(key);
    return keys;
  }();
  return kKeys;
}

std::string constraint_value(const std::string& key) {
  const auto found = conditions().find(key);
  return found == conditions().end() ? "" : found->second.wanted;
}

bool is_constraint_value(const std::string& key, const Json& value) {
  return conditions().at(key).fits(value);
}

}  // namespace keel
