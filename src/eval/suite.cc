#include "eval/suite.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/hash.h"
#include "base/names.h"
#include "eval/choice.h"
#include "eval/probe_files.h"
#include "eval/scores.h"

namespace keel {
namespace {

std::vector<std::string> format_names() {
  std::vector<std::string> names;
  for (const ProbeFormat& f : probe_formats()) names.emplace_back(f.name);
  return names;
}

// Two evaluations compare an item only when it was asked in the same way.
void add_options_to_content(ProbeGroup& group) {
  for (Probe& p : group.probes) {
    std::string asked = group.system;
    if (p.type == "choice") asked += "\n" + group.score;
    if (p.type != "choice" && p.type != "nll") asked += fmt::format("\n{}", group.max_new_tokens);
    p.content ^= hash64(asked);
  }
}

// The measures that the results of some probes will have, by dimension.
std::map<std::string, std::set<std::string>> measures_of(const Suite& suite) {
  std::vector<ProbeResult> results;
  for (const ProbeGroup& group : suite.groups)
    for (const Probe& p : group.probes) results.emplace_back(unanswered(p)).group = group.name;
  std::map<std::string, std::set<std::string>> measures;
  for (const Series& s : series_of(results)) {
    measures[s.dimension].insert(s.measure);
    if (s.measure == "acc") measures["total"].insert("acc");
  }
  return measures;
}

class SuiteReader {
 public:
  SuiteReader(const PlaceOf& place, const std::filesystem::path& folder, std::vector<ErrorText>& problems)
      : place_(place), folder_(folder), problems_(problems) {}

  Suite read(const Json& given) {
    check_keys(given, "", {"name", "weights", "gates", "groups"});
    suite_.name = text(given, "", "name", "suite");
    if (!given.contains("groups") || !given["groups"].is_array() || given["groups"].empty()) {
      add(given.contains("groups") ? "/groups" : "", "no list of groups", "groups: [{name, file, …}, …]");
    } else {
      for (size_t g = 0; g < given["groups"].size(); ++g)
        read_group(given["groups"][g], fmt::format("/groups/{}", g));
    }
    measures_ = measures_of(suite_);
    read_weights(given.value("weights", Json()));
    read_gates(given.value("gates", Json()));
    return std::move(suite_);
  }

 private:
  void add(const std::string& pointer, std::string found, std::string wanted = {}, std::string hint = {}) {
    problems_.push_back({place_(pointer), std::move(found), std::move(wanted), std::move(hint)});
  }

  void check_keys(const Json& object, const std::string& pointer, const std::vector<std::string>& known) {
    for (const auto& item : object.items()) {
      if (std::ranges::find(known, item.key()) == known.end())
        add(pointer + "/" + item.key(), fmt::format("unknown key \"{}\"", item.key()), join(known),
            may_be_meant(item.key(), known));
    }
  }

  std::string text(const Json& object, const std::string& pointer, const char* key, std::string otherwise) {
    if (!object.contains(key) || object[key].is_null()) return otherwise;
    if (object[key].is_string()) return object[key].get<std::string>();
    add(pointer + "/" + key, fmt::format("{}: {}", key, to_line(object[key])), "a text");
    return otherwise;
  }

  std::string word(const Json& object, const std::string& pointer, const char* key, std::string otherwise,
                   const std::vector<std::string>& known) {
    std::string value = text(object, pointer, key, otherwise);
    if (value.empty() || std::ranges::find(known, value) != known.end()) return value;
    add(pointer + "/" + key, fmt::format("{} \"{}\"", key, value), join(known), may_be_meant(value, known));
    return otherwise;
  }

  int64_t count(const Json& object, const std::string& pointer, const char* key, int64_t otherwise) {
    if (!object.contains(key)) return otherwise;
    const Json& value = object[key];
    if (value.is_number_integer() && value > 0) return value.get<int64_t>();
    add(pointer + "/" + key, fmt::format("{}: {}", key, to_line(value)), "a whole number, at least 1");
    return otherwise;
  }

  void read_group(const Json& given, const std::string& at) {
    if (!given.is_object()) return add(at, "a group that is no map", "{name, file, …}");
    check_keys(given, at, {"name", "type", "dimension", "file", "format", "options"});
    const size_t before = problems_.size();
    ProbeGroup group{.name = text(given, at, "name", ""),
                     .type = word(given, at, "type", "", probe_types()),
                     .dimension = text(given, at, "dimension", ""),
                     .format = word(given, at, "format", "", format_names())};
    if (group.name.empty()) add(at, "a group without a name", "name: a word");
    if (!names_.insert(group.name).second)
      add(at + "/name", fmt::format("a second group \"{}\"", group.name), "a name of its own");
    read_options(given.value("options", Json()), at + "/options", group);
    check_format(at, group);
    const std::string file = text(given, at, "file", "");
    if (file.empty()) return add(at, fmt::format("group \"{}\" without a file", group.name), "file: PATH");
    group.file = folder_ / file;
    if (problems_.size() > before) return;
    group.probes = read_probe_files(group.file,
                                    {.type = group.type,
                                     .format = group.format,
                                     .dimension = group.dimension,
                                     .max_items = group.max_items,
                                     .context = group.context},
                                    problems_);
    add_options_to_content(group);
    suite_.groups.push_back(std::move(group));
  }

  void read_options(const Json& given, const std::string& at, ProbeGroup& group) {
    if (given.is_null()) return;
    if (!given.is_object()) return add(at, "options that are no map", "{max_new_tokens: 48}");
    check_keys(given, at, {"max_new_tokens", "max_items", "score", "system", "context"});
    group.max_new_tokens = count(given, at, "max_new_tokens", group.max_new_tokens);
    group.max_items = count(given, at, "max_items", 0);
    group.score = word(given, at, "score", group.score, choice_scores());
    group.system = text(given, at, "system", "");
    const std::string context = text(given, at, "context", "");
    if (!context.empty()) group.context = folder_ / context;
  }

  void check_format(const std::string& at, const ProbeGroup& group) {
    for (const ProbeFormat& f : probe_formats()) {
      if (group.format == f.name && !group.type.empty() && group.type != f.type)
        add(at + "/type", fmt::format("type {} with format {}", group.type, f.name),
            fmt::format("type {}, or none", f.type));
    }
  }

  bool known_dimension(const std::string& dimension, const std::string& pointer, bool total) {
    std::vector<std::string> known;
    for (const auto& [name, measures] : measures_)
      if (total || name != "total") known.push_back(name);
    if (std::ranges::find(known, dimension) != known.end()) return true;
    // A group that could not be read may have had it.
    if (problems_.empty())
      add(pointer, fmt::format("no probe has the dimension \"{}\"", dimension), join(known),
          may_be_meant(dimension, known));
    return false;
  }

  void read_weights(const Json& given) {
    if (given.is_null()) return;
    if (!given.is_object()) return add("/weights", "weights that are no map", "{dimension: number}");
    for (const auto& item : given.items()) {
      const std::string at = "/weights/" + item.key();
      if (!item.value().is_number() || item.value() < 0) {
        add(at, fmt::format("weight {}", to_line(item.value())), "a number, at least 0");
      } else if (known_dimension(item.key(), at, false)) {
        suite_.weights[item.key()] = item.value().get<double>();
      }
    }
  }

  void read_gates(const Json& given) {
    if (given.is_null()) return;
    if (!given.is_object())
      return add("/gates", "gates that are no map", "{dimension: {max_acc_drop: 0.05}}");
    for (const auto& dimension : given.items()) {
      const std::string at = "/gates/" + dimension.key();
      if (!dimension.value().is_object()) {
        add(at, "a gate that is no map", "{max_acc_drop: 0.05}");
      } else if (known_dimension(dimension.key(), at, true)) {
        for (const auto& gate : dimension.value().items())
          read_gate(dimension.key(), gate.key(), gate.value(), at + "/" + gate.key());
      }
    }
  }

  void read_gate(const std::string& dimension, const std::string& name, const Json& limit,
                 const std::string& at) {
    std::vector<std::string> known, here;
    for (const GateKind& kind : gate_kinds()) {
      known.emplace_back(kind.name);
      if (measures_.at(dimension).contains(kind.measure)) here.push_back(known.back());
    }
    if (std::ranges::find(known, name) == known.end())
      return add(at, fmt::format("unknown gate \"{}\"", name), join(known), may_be_meant(name, known));
    if (problems_.empty() && std::ranges::find(here, name) == here.end())
      return add(at, fmt::format("gate {} on {}, which has no such measure", name, dimension), join(here));
    if (!limit.is_number())
      return add(at, fmt::format("{}: {}", name, to_line(limit)), "a number, such as 0.05");
    suite_.gates.push_back({dimension, name, place_(at), limit.get<double>()});
  }

  const PlaceOf& place_;
  const std::filesystem::path& folder_;
  std::vector<ErrorText>& problems_;
  std::set<std::string> names_;
  std::map<std::string, std::set<std::string>> measures_;  // of each dimension
  Suite suite_;
};

std::string one_line(const ErrorText& p) {
  std::string text = fmt::format("{}: {}", p.where, p.found);
  if (!p.wanted.empty()) text += "; wanted: " + p.wanted;
  if (!p.hint.empty()) text += "; " + p.hint;
  return text;
}

}  // namespace

const std::vector<GateKind>& gate_kinds() {
  static const std::vector<GateKind> kKinds{
      {"min_acc", "acc", false, -1},     {"max_acc_drop", "acc", true, -1},
      {"max_nll", "nll", false, 1},      {"max_nll_rise", "nll", true, 1},
      {"min_stops", "stops", false, -1}, {"max_stops_drop", "stops", true, -1},
      {"max_rep4", "rep4", false, 1},    {"max_rep4_rise", "rep4", true, 1},
      {"max_drop", "drop", false, 1},    {"max_recover", "recover", false, 1},
  };
  return kKinds;
}

Suite read_suite(const Json& description, const PlaceOf& place, const std::filesystem::path& folder,
                 std::vector<ErrorText>& problems) {
  return SuiteReader(place, folder, problems).read(description);
}

Suite suite_of_probes(const std::filesystem::path& file, std::vector<ErrorText>& problems) {
  const std::string name = file.stem().string();
  ProbeGroup group{.name = name, .file = file, .probes = read_probe_files(file, {}, problems)};
  add_options_to_content(group);
  return {.name = name, .groups = {std::move(group)}};
}

std::string half_of(const std::string& id) { return hash64(id) % 2 == 0 ? "monitor" : "final"; }

void keep_split(Suite& suite, const std::string& split) {
  if (split == "all") return;
  for (ProbeGroup& group : suite.groups)
    std::erase_if(group.probes, [&](const Probe& p) { return half_of(p.row_id()) != split; });
}

void throw_suite_problems(const std::vector<ErrorText>& problems) {
  if (problems.empty()) return;
  if (problems.size() == 1) throw UserError(problems[0]);
  std::string found = fmt::format("{} mistakes in the suite:", problems.size());
  for (size_t i = 0; i < problems.size(); ++i)
    found += fmt::format("\n  {}. {}", i + 1, one_line(problems[i]));
  throw UserError({.found = found});
}

}  // namespace keel
