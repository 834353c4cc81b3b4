#include "eval/results_json.h"

#include <algorithm>
#include <cmath>

#include "base/names.h"

namespace keel {
namespace {

Json comparison_json(const Comparison& comparison) {
  Json rows = Json::array();
  for (const Difference& d : comparison.rows) {
    Json row{{"dimension", d.dimension},
             {"measure", d.measure},
             {"items", d.items},
             {"before", d.before},
             {"after", d.after},
             {"difference", d.after - d.before},
             {"interval", {d.interval.low, d.interval.high}}};
    if (is_share(d.measure)) row["lost"] = d.lost, row["won"] = d.won;
    if (d.p) row["mcnemar_p"] = *d.p;
    row["verdict"] = verdict_text(d);
    rows.push_back(std::move(row));
  }
  return {{"rows", rows}, {"notes", comparison.notes}};
}

Json gate_json(const Gate& gate) {
  return {{"dimension", gate.dimension}, {"gate", gate.name}, {"limit", gate.limit}};
}

Json gates_json(const GateResult& gates) {
  Json crossed = Json::array(), unchecked = Json::array();
  for (const Crossing& c : gates.crossed) {
    crossed.push_back(gate_json(c.gate));
    crossed.back()["value"] = c.value;
  }
  for (const Unchecked& u : gates.unchecked) {
    unchecked.push_back(gate_json(u.gate));
    unchecked.back()["why"] = u.why;
  }
  return {{"crossed", crossed}, {"unchecked", unchecked}};
}

class Shape {
 public:
  explicit Shape(const ResultsFacts& facts) : facts_(facts), suite_(facts.suite.name) {
    for (const char* key : {"results", "groups", "group_subtasks", "configs", "versions", "n-shot",
                            "higher_is_better", "n-samples"})
      out_[key] = Json::object();
  }

  Json make() {
    Json tasks = Json::array();
    enter("total", suite_, suite_);
    for (const Score& s : facts_.scores) {
      if (s.dimension != "total") enter(s.dimension, suite_ + "_" + s.dimension, " - " + s.dimension);
      add(s);
    }
    for (const auto& item : out_["results"].items())
      if (item.key() != suite_) tasks.push_back(item.key());
    out_["groups"][suite_] = out_["results"][suite_];
    out_["group_subtasks"][suite_] = tasks;
    out_["config"] = facts_.config;
    out_["total_evaluation_time_seconds"] = facts_.seconds;
    if (facts_.comparison) out_["comparison"] = comparison_json(*facts_.comparison);
    if (facts_.gates) out_["gates"] = gates_json(*facts_.gates);
    return std::move(out_);
  }

 private:
  void enter(const std::string& dimension, const std::string& task, const std::string& alias) {
    tasks_[dimension] = task;
    if (out_["results"].contains(task)) return;
    out_["results"][task] = {{"alias", alias}};
    out_["versions"][task] = 1;
    out_["n-shot"][task] = 0;
    out_["higher_is_better"][task] = Json::object();
    if (dimension == "total") return;
    out_["configs"][task] = {{"task", task}, {"num_fewshot", 0}, {"weight", facts_.suite.weight(dimension)}};
  }

  void add(const Score& s) {
    const std::string& task = tasks_.at(s.dimension);
    Json& result = out_["results"][task];
    result[s.measure + ",none"] = s.value;
    result[s.measure + "_stderr,none"] = s.error;
    if (s.measure == "nll") result["perplexity,none"] = std::exp(s.value);
    out_["higher_is_better"][task][s.measure] = is_share(s.measure);
    if (s.dimension == "total") return;
    const auto all = facts_.all_items.find(s.dimension);
    Json& samples = out_["n-samples"][task];
    const int64_t effective = samples.is_null() ? 0 : samples["effective"].get<int64_t>();
    samples = {{"original", all == facts_.all_items.end() ? s.items : all->second},
               {"effective", std::max(effective, s.items)}};
  }

  const ResultsFacts& facts_;
  std::string suite_;
  std::map<std::string, std::string> tasks_;
  Json out_ = Json::object();
};

}  // namespace

Json results_json(const ResultsFacts& facts) { return Shape(facts).make(); }

}  // namespace keel
