#include "eval/probes.h"

#include <fmt/format.h>

#include <algorithm>
#include <regex>

#include "base/fs.h"
#include "base/hash.h"
#include "base/names.h"
#include "eval/answer_check.h"
#include "eval/probe_files.h"

namespace keel {
namespace {

bool is_text(const Json& v) { return v.is_string() && !v.get<std::string>().empty(); }

bool is_texts(const Json& v) {
  return v.is_array() && !v.empty() && std::ranges::all_of(v, [](const Json& s) { return is_text(s); });
}

bool is_pattern(const Json& v) {
  if (!is_text(v)) return false;
  try {
    const std::regex pattern(v.get<std::string>(), std::regex::ECMAScript | std::regex::icase);
    return true;
  } catch (const std::regex_error&) {
    return false;
  }
}

bool is_objects(const Json& v) {
  return v.is_array() && !v.empty() && std::ranges::all_of(v, [](const Json& m) { return m.is_object(); });
}

// The key that a type cannot do without, and what its value must be.
struct TypeRule {
  const char* type;
  const char* key;
  const char* wanted;
  bool (*fits)(const Json& value);
};

const std::vector<TypeRule>& type_rules() {
  static const std::vector<TypeRule> kRules{
      {"exact", "answer", "a text", is_text},
      {"contains", "accept", "a list of texts", is_texts},
      {"number", "answer", "a number", [](const Json& v) { return v.is_number(); }},
      {"regex", "pattern", "a regular expression (ECMAScript)", is_pattern},
      {"choice", "choices", "a list of 2 to 26 texts",
       [](const Json& v) { return is_texts(v) && v.size() >= 2 && v.size() <= 26; }},
      {"constraint", "constraint", "an object of conditions",
       [](const Json& v) { return v.is_object() && !v.empty(); }},
      {"generate", "prompt", "a text", is_text},
      {"nll", "messages", "a conversation", is_objects},
      {"robust", "rewordings", "a list of texts", is_texts},
      {"dialogue", "turns", "a list of turns", is_objects},
  };
  return kRules;
}

std::string keys_of(const Json& row) {
  std::vector<std::string> keys;
  for (const auto& item : row.items()) keys.push_back(item.key());
  return join(keys);
}

std::string near_key(const Json& row, const std::string& key) {
  std::vector<std::string> keys;
  for (const auto& item : row.items()) keys.push_back(item.key());
  const std::string near = nearest_name(key, keys);
  return near.empty() ? "" : fmt::format("the row has \"{}\"; was \"{}\" meant?", near, key);
}

// Adds what is wrong with a row to the problems.
class RowCheck {
 public:
  RowCheck(const Probe& probe, std::vector<ErrorText>& problems) : probe_(probe), problems_(problems) {}

  bool good() {
    const size_t before = problems_.size();
    check();
    return problems_.size() == before;
  }

 private:
  void add(std::string found, std::string wanted = {}, std::string hint = {}) {
    problems_.push_back({probe_.where, std::move(found), std::move(wanted), std::move(hint)});
  }

  void check() {
    if (probe_.dimension == "total")
      return add("the dimension \"total\"", "another name: the suite's total has it");
    const auto rule =
        std::ranges::find_if(type_rules(), [&](const TypeRule& r) { return probe_.type == r.type; });
    if (rule == type_rules().end()) {
      return add(fmt::format("probe type \"{}\"", probe_.type), join(probe_types()),
                 may_be_meant(probe_.type, probe_types()));
    }
    const Json& s = probe_.spec;
    if (probe_.type == "nll" && s.contains("text")) return;
    if (!s.contains(rule->key))
      return add(fmt::format("a {} probe without \"{}\"", probe_.type, rule->key),
                 fmt::format("the key \"{}\": {}", rule->key, rule->wanted), near_key(s, rule->key));
    if (!rule->fits(s[rule->key]))
      return add(fmt::format("\"{}\": {}", rule->key, clipped(s[rule->key])),
                 fmt::format("{} (type {})", rule->wanted, probe_.type));
    if (probe_.type == "choice") check_index();
    if (probe_.type == "constraint") check_conditions();
  }

  static std::string clipped(const Json& value) {
    const std::string text = to_line(value);
    return text.size() <= 60 ? text : std::string(text.substr(0, 57)) + "…";
  }

  void check_index() {
    const Json& s = probe_.spec;
    const size_t choices = s["choices"].size();
    if (!s.contains("answer_index"))
      return add("a choice probe without \"answer_index\"", "the number of the right choice, from 0",
                 near_key(s, "answer_index"));
    const Json& index = s["answer_index"];
    if (!index.is_number_integer() || index.get<int64_t>() < 0 ||
        index.get<int64_t>() >= static_cast<int64_t>(choices))
      add(fmt::format("\"answer_index\": {}", clipped(index)),
          fmt::format("a whole number from 0 to {}, as there are {} choices", choices - 1, choices));
  }

  void check_conditions() {
    for (const auto& item : probe_.spec["constraint"].items()) {
      const std::string wanted = constraint_value(item.key());
      if (wanted.empty()) {
        add(fmt::format("unknown constraint \"{}\"", item.key()), join(constraint_keys()),
            may_be_meant(item.key(), constraint_keys()));
      } else if (!is_constraint_value(item.key(), item.value())) {
        add(fmt::format("constraint \"{}\": {}", item.key(), clipped(item.value())), wanted);
      }
    }
  }

  const Probe& probe_;
  std::vector<ErrorText>& problems_;
};

}  // namespace

const std::vector<std::string>& probe_types() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const TypeRule& rule : type_rules()) names.emplace_back(rule.type);
    return names;
  }();
  return kNames;
}

std::optional<Probe> parse_probe(const Json& row, const Probe& fallback, std::vector<ErrorText>& problems) {
  Probe probe = fallback;
  probe.spec = row;
  for (const auto& [key, target] :
       std::initializer_list<std::pair<const char*, std::string*>>{{"id", &probe.id},
                                                                   {"dimension", &probe.dimension},
                                                                   {"lang", &probe.lang},
                                                                   {"type", &probe.type}}) {
    if (!row.contains(key)) continue;
    if (row[key].is_string()) {
      *target = row[key].get<std::string>();
    } else if (std::string_view(key) == "id" && row[key].is_number_integer()) {
      *target = row[key].dump();
    } else {
      problems.push_back({probe.where, fmt::format("\"{}\": {}", key, to_line(row[key])), "a text"});
      return std::nullopt;
    }
  }
  const bool without_prompt = probe.type == "nll" || probe.type == "dialogue";
  if (!without_prompt && (!row.contains("prompt") || !is_text(row["prompt"]))) {
    problems.push_back({probe.where, "a probe without a text \"prompt\"", "{\"id\", \"prompt\", …}",
                        row.contains("prompt") ? "" : "the row has: " + keys_of(row)});
    return std::nullopt;
  }
  probe.prompt = row.contains("prompt") && row["prompt"].is_string() ? row["prompt"].get<std::string>() : "";
  probe.content = hash64(probe.type + "\n" + to_line(probe.spec));
  if (!RowCheck(probe, problems).good()) return std::nullopt;
  return probe;
}

std::vector<Probe> load_probes(const std::filesystem::path& path) {
  std::vector<ErrorText> problems;
  std::vector<Probe> probes = read_probe_files(path, {}, problems);
  if (!problems.empty()) throw UserError(problems.front());
  return probes;
}

bool check_answer(const Probe& probe, const std::string& answer) {
  const Json& s = probe.spec;
  if (probe.type == "exact") return equals_answer(answer, s["answer"].get<std::string>());
  if (probe.type == "contains") return contains_any(answer, s["accept"]);
  if (probe.type == "number") return last_number_is(answer, s["answer"].get<double>());
  if (probe.type == "regex") return matches_pattern(answer, s["pattern"].get<std::string>());
  if (probe.type == "constraint") return meets_constraints(answer, s["constraint"]);
  KEEL_CHECK(false, "check_answer on a probe of type " + probe.type);
}

ProbeResult unanswered(const Probe& probe) {
  return {.id = probe.id,
          .dimension = probe.dimension,
          .type = probe.type,
          .content = probe.content,
          .part_of = probe.part_of,
          .variant = probe.variant};
}

ProbeSummary summarise(const std::vector<ProbeResult>& results) {
  ProbeSummary s{.probes = static_cast<int64_t>(results.size())};
  std::map<std::string, std::pair<double, double>> by;
  double generated = 0;
  for (const ProbeResult& r : results) {
    s.accuracy += r.right;
    by[r.dimension].first += r.right;
    by[r.dimension].second += 1;
    if (!r.generated()) continue;
    generated += 1;
    s.stop_rate += r.stopped;
    s.rep4 += r.rep4;
  }
  s.accuracy /= std::max<double>(1, static_cast<double>(results.size()));
  generated = std::max(generated, 1.0);
  s.stop_rate /= generated, s.rep4 /= generated;
  for (const auto& [name, counts] : by) s.by_dimension[name] = counts.first / counts.second;
  return s;
}

}  // namespace keel
