#include "eval/probes.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "base/error.h"
#include "base/fs.h"
#include "base/names.h"
#include "eval/answer_check.h"
#include "eval/nll.h"
#include "eval/repetition.h"
#include "text/conversation_mask.h"

namespace keel {
namespace {

const std::vector<std::pair<std::string, std::string>>& type_keys() {  // type → the key it cannot do without
  static const std::vector<std::pair<std::string, std::string>> kKeys{
      {"exact", "answer"},  {"contains", "accept"}, {"number", "answer"},
      {"regex", "pattern"}, {"choice", "choices"},  {"constraint", "constraint"}};
  return kKeys;
}

void check_spec(const Probe& probe, const std::string& place) {
  std::vector<std::string> names;
  for (const auto& [name, key] : type_keys()) names.push_back(name);
  const auto known = std::ranges::find(type_keys(), probe.type, &std::pair<std::string, std::string>::first);
  if (known == type_keys().end())
    throw UserError(
        {.where = place, .found = fmt::format("probe type \"{}\"", probe.type), .wanted = join(names)});
  if (!probe.spec.contains(known->second))
    throw UserError({.where = place,
                     .found = fmt::format("a {} probe without \"{}\"", probe.type, known->second),
                     .wanted = fmt::format("the key \"{}\"", known->second)});
  if (probe.type != "constraint") return;
  for (const auto& item : probe.spec["constraint"].items()) {
    if (!is_constraint_key(item.key()))
      throw UserError({.where = place, .found = fmt::format("unknown constraint \"{}\"", item.key())});
  }
}

Probe parse_probe(const std::string& line, const std::string& place) {
  Probe probe{.spec = parse_json(line, place)};
  const Json& s = probe.spec;
  if (!s.is_object() || !s.contains("prompt") || !s["prompt"].is_string())
    throw UserError(
        {.where = place, .found = "a probe without a text \"prompt\"", .wanted = "{\"id\", \"prompt\", …}"});
  try {
    probe.id = s.value("id", place);
    probe.dimension = s.value("dimension", "domain");
    probe.lang = s.value("lang", "en");
    probe.type = s.value("type", "contains");
    probe.prompt = s["prompt"].get<std::string>();
  } catch (const nlohmann::json::exception& e) {
    throw UserError({.where = place, .found = e.what(), .wanted = "text for id, dimension, lang and type"});
  }
  check_spec(probe, place);
  return probe;
}

// Mean NLL of each choice as the reply to the prompt; the lowest is chosen.
ProbeResult rank_choices(ChatModel& model, const Probe& probe, const std::string& system) {
  std::vector<Example> rows;
  for (const Json& choice : probe.spec["choices"]) {
    Json messages = user_message(probe.prompt, system);
    messages.push_back({{"role", "assistant"}, {"content", choice}});
    const EncodedChat chat = encode_conversation(model.chat_template, model.tokenizer, messages).back();
    Example row{.ids = chat.ids, .turn = chat.turn, .end_of_turn = chat.is_end_of_turn};
    for (size_t t = 0; t < row.ids.size(); ++t) row.weight.push_back(t > 0 && row.turn[t] >= 0 ? 1.0F : 0.0F);
    rows.push_back(std::move(row));
  }
  std::vector<double> means;
  nll_over(*model.lm, rows, {.on_row = [&](const RowSignals& r) {
    means.push_back(std::accumulate(r.nll.begin(), r.nll.end(), 0.0) /
                    static_cast<double>(r.example->supervised()));
  }});
  const auto best = std::ranges::min_element(means) - means.begin();
  return {.id = probe.id,
          .dimension = probe.dimension,
          .answer = probe.spec["choices"][static_cast<size_t>(best)].get<std::string>(),
          .right = best == probe.spec.value("answer_index", 0)};
}

}  // namespace

std::vector<Probe> load_probes(const std::filesystem::path& path) {
  std::istringstream in(read_text(path));
  std::vector<Probe> probes;
  size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    probes.push_back(parse_probe(line, fmt::format("{}:{}", path.string(), number)));
  }
  if (probes.empty()) throw UserError({.where = path.string(), .found = "no probe in the file"});
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

std::vector<ProbeResult> run_probes(ChatModel& model, const std::vector<Probe>& probes,
                                    const ProbeRunOptions& options) {
  std::vector<ProbeResult> results(probes.size());
  std::vector<size_t> asked;
  std::vector<std::vector<int32_t>> prompts;
  for (size_t i = 0; i < probes.size(); ++i) {
    if (probes[i].type == "choice") {
      results[i] = rank_choices(model, probes[i], options.system);
      continue;
    }
    asked.push_back(i);
    prompts.push_back(prompt_ids(model, user_message(probes[i].prompt, options.system)));
  }
  GenerateEvents events;
  if (options.on_progress) events.on_answer = [&](size_t done) { options.on_progress(done, asked.size()); };
  const std::vector<Answer> answers = generate(model, prompts, options.generate, events);
  for (size_t i = 0; i < asked.size(); ++i) {
    const Probe& probe = probes[asked[i]];
    const Answer& a = answers[i];
    results[asked[i]] = {.id = probe.id,
                         .dimension = probe.dimension,
                         .answer = a.text,
                         .right = check_answer(probe, a.text),
                         .stopped = a.stopped,
                         .rep4 = repetition(a.ids, 4)};
  }
  return results;
}

ProbeSummary summarise(const std::vector<ProbeResult>& results) {
  ProbeSummary s{.probes = static_cast<int64_t>(results.size())};
  std::map<std::string, std::pair<double, double>> by;
  for (const ProbeResult& r : results) {
    s.accuracy += r.right;
    s.stop_rate += r.stopped;
    s.rep4 += r.rep4;
    by[r.dimension].first += r.right;
    by[r.dimension].second += 1;
  }
  const double n = std::max<double>(1, static_cast<double>(results.size()));
  s.accuracy /= n, s.stop_rate /= n, s.rep4 /= n;
  for (const auto& [name, counts] : by) s.by_dimension[name] = counts.first / counts.second;
  return s;
}

}  // namespace keel
