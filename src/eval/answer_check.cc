#include "eval/answer_check.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <regex>
#include <sstream>

namespace keel {
namespace {

std::string trimmed(const std::string& text) {
  const char* space = " \t\r\n";
  const size_t begin = text.find_first_not_of(space);
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

// Lower case, white space runs as one space.
std::string folded(const std::string& text) {
  std::string out;
  for (const char c : trimmed(text)) {
    const bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (space && !out.empty() && out.back() == ' ') continue;
    out += space ? ' ' : (c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
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
  return trimmed(text);
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
  for (std::string line; std::getline(in, line);) out.push_back(trimmed(line));
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

using Condition = std::function<bool(const std::string& reply, const Json& value)>;

const std::map<std::string, Condition>& conditions() {
  static const std::map<std::string, Condition> kConditions{
      {"max_words", [](const auto& r, const Json& v) { return word_count(r) <= v.get<int64_t>(); }},
      {"min_words", [](const auto& r, const Json& v) { return word_count(r) >= v.get<int64_t>(); }},
      {"must_contain",
       [](const auto& r, const Json& v) {
         return std::ranges::all_of(v, [&](const Json& s) { return holds(r, s.get<std::string>()); });
       }},
      {"must_not_contain",
       [](const auto& r, const Json& v) {
         return std::ranges::none_of(v, [&](const Json& s) { return holds(r, s.get<std::string>()); });
       }},
      {"case", [](const auto& r, const Json& v) { return has_case(r, v == "upper"); }},
      {"starts_with",
       [](const auto& r, const Json& v) { return folded(r).starts_with(folded(v.get<std::string>())); }},
      {"ends_with",
       [](const auto& r, const Json& v) { return folded(r).ends_with(folded(v.get<std::string>())); }},
      {"bullets", [](const auto& r, const Json& v) { return bullet_count(r) == v.get<int64_t>(); }},
      {"sentences", [](const auto& r, const Json& v) { return sentence_count(r) == v.get<int64_t>(); }},
      {"json_keys", [](const auto& r, const Json& v) { return has_json_keys(r, v); }},
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
       ++it)
    last = it->str();
  std::erase(last, ',');
  return !last.empty() && std::abs(std::stod(last) - answer) < 1e-9 * std::max(1.0, std::abs(answer));
}

bool matches_pattern(const std::string& reply, const std::string& pattern) {
  return std::regex_search(trimmed(reply), std::regex(pattern, std::regex::ECMAScript | std::regex::icase));
}

bool meets_constraints(const std::string& reply, const Json& constraint) {
  const std::string text = trimmed(reply);
  return std::ranges::all_of(constraint.items(),
                             [&](const auto& c) { return conditions().at(c.key())(text, c.value()); });
}

bool is_constraint_key(const std::string& key) { return conditions().contains(key); }

}  // namespace keel
