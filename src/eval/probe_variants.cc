#include "eval/probe_variants.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/names.h"

namespace keel {
namespace {

// Whole texts until there is enough; the same for all questions, so that it is read once.
std::string other_context(std::span<const std::string> texts) {
  std::string out;
  for (size_t i = 0; i < texts.size() && out.size() < kContextBytes; ++i) out += texts[i] + "\n\n";
  return out;
}

class Parts {
 public:
  Parts(const Probe& row, std::vector<ErrorText>& problems) : row_(row), problems_(problems) {}

  std::vector<Probe> robust(std::span<const std::string> context) {
    const Json& s = row_.spec;
    const bool reorders = s.contains("reordered");
    if (reorders && !s["reordered"].is_string())
      return refuse("\"reordered\": " + to_line(s["reordered"]),
                    "the prompt with its parts in another order");
    const std::vector<std::string> types{"contains", "exact", "number", "regex", "constraint", "choice"};
    if (!s.contains("check"))
      return refuse("a robust probe without \"check\"", "\"check\": {\"type\": …, …}");
    if (!is_check(s["check"], types)) return {};
    if (!add("plain", s["check"], row_.prompt)) return {};
    for (const Json& text : s["rewordings"]) add("reworded", s["check"], text.get<std::string>());
    if (reorders) add("reordered", s["check"], s["reordered"].get<std::string>());
    if (!context.empty()) add("long", s["check"], other_context(context) + row_.prompt);
    return std::move(out_);
  }

  std::vector<Probe> dialogue() {
    const size_t before = problems_.size();
    std::vector<std::string> earlier;
    for (const Json& turn : row_.spec["turns"]) {
      if (!turn.contains("user") || !turn["user"].is_string())
        return refuse("a turn without a text \"user\"", "{\"user\": …} or {\"user\", \"skill\", \"check\"}");
      if (turn.contains("check")) add_turn(turn, earlier);
      if (problems_.size() > before) return {};
      earlier.push_back(turn["user"].get<std::string>());
    }
    if (out_.empty()) return refuse("a dialogue without a check", "a turn with \"skill\" and \"check\"");
    return std::move(out_);
  }

 private:
  std::vector<Probe> refuse(std::string found, std::string wanted) {
    problems_.push_back({row_.where, std::move(found), std::move(wanted)});
    return {};
  }

  bool is_check(const Json& check, const std::vector<std::string>& types) {
    const Json type = check.is_object() ? check.value("type", Json()) : Json();
    if (type.is_string() && std::ranges::find(types, type.get<std::string>()) != types.end()) return true;
    refuse(check.is_object() ? fmt::format("a check of type {}", to_line(type)) : "a check that is no object",
           "{\"type\": …, …} of the type " + join(types));
    return false;
  }

  void add_turn(const Json& turn, const std::vector<std::string>& earlier) {
    const Json skill = turn.value("skill", Json());
    const auto& known = dialogue_skills();
    if (!skill.is_string() || std::ranges::find(known, skill.get<std::string>()) == known.end()) {
      refuse("a checked turn with the skill " + to_line(skill), join(known));
      return;
    }
    if (!is_check(turn["check"], {"contains", "exact", "number", "regex", "constraint"})) return;
    if (add(skill.get<std::string>(), turn["check"], turn["user"].get<std::string>()))
      out_.back().earlier = earlier;
  }

  // Parts are numbered by their place among all, so that an id stands once.
  bool add(const std::string& variant, Json check, const std::string& prompt) {
    check["id"] = fmt::format("{}#{}-{}", row_.id, variant, out_.size() + 1);
    check["dimension"] = row_.dimension + "-" + variant;
    check["prompt"] = prompt;
    auto probe = parse_probe(check, {.lang = row_.lang, .where = row_.where}, problems_);
    if (!probe) return false;
    probe->content ^= row_.content;  // a dialogue's earlier turns are in the row alone
    probe->part_of = row_.id;
    probe->variant = variant;
    out_.push_back(std::move(*probe));
    return true;
  }

  const Probe& row_;
  std::vector<ErrorText>& problems_;
  std::vector<Probe> out_;
};

}  // namespace

const std::vector<std::string>& dialogue_skills() {
  static const std::vector<std::string> kNames{"follow-up", "focus", "latest", "switch"};
  return kNames;
}

std::vector<Probe> parse_probes(const Json& row, const Probe& fallback, std::span<const std::string> context,
                                std::vector<ErrorText>& problems) {
  const auto probe = parse_probe(row, fallback, problems);
  if (!probe) return {};
  if (probe->type == "robust") return Parts(*probe, problems).robust(context);
  if (probe->type == "dialogue") return Parts(*probe, problems).dialogue();
  return {*probe};
}

}  // namespace keel
