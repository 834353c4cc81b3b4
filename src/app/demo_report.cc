#include "app/demo_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace keel {
namespace {

std::string whole_percent(double share) { return fmt::format("{:.0f} %", 100 * share); }

struct Measure {
  const char* name;
  std::function<std::string(const ArmMeasures&)> value;
};

const std::vector<Measure>& measures() {
  static const std::vector<Measure> kMeasures{
      {"harbour questions right (held out)", [](const auto& a) { return whole_percent(a.domain.accuracy); }},
      {"harbour replies, loss per token", [](const auto& a) { return fmt::format("{:.3f}", a.domain_nll); }},
      {"general probes right", [](const auto& a) { return whole_percent(a.general.accuracy); }},
      {"general text, loss per token", [](const auto& a) { return fmt::format("{:.3f}", a.general_nll); }},
      {"repetition (rep-4), general answers",
       [](const auto& a) { return fmt::format("{:.3f}", a.general.rep4); }},
      {"answers that stop by themselves",
       [](const auto& a) {
         const auto n = static_cast<double>(a.domain.probes + a.general.probes);
         return whole_percent((a.domain.stop_rate * static_cast<double>(a.domain.probes) +
                               a.general.stop_rate * static_cast<double>(a.general.probes)) /
                              n);
       }},
      {"training time",
       [](const auto& a) { return a.train_seconds > 0 ? fmt::format("{:.0f} s", a.train_seconds) : "–"; }},
  };
  return kMeasures;
}

}  // namespace

TextTable demo_table(const std::vector<ArmMeasures>& arms) {
  TextTable table{.columns = {""}, .rows = {}};
  for (const ArmMeasures& a : arms) table.columns.push_back(a.name);
  for (const Measure& m : measures()) {
    std::vector<std::string> row{m.name};
    for (const ArmMeasures& a : arms) row.push_back(m.value(a));
    table.rows.push_back(std::move(row));
  }
  return table;
}

Json side_by_side(const std::vector<Probe>& probes, const std::vector<ArmMeasures>& arms, size_t count) {
  std::vector<size_t> order;
  for (const bool differ : {true, false}) {
    for (size_t i = 0; i < probes.size(); ++i) {
      size_t right = 0;
      for (const ArmMeasures& a : arms) right += a.domain_results[i].right;
      if ((right != 0 && right != arms.size()) == differ) order.push_back(i);
    }
  }
  Json out = Json::array();
  for (size_t k = 0; k < std::min(count, order.size()); ++k) {
    const Probe& probe = probes[order[k]];
    Json sample{
        {"prompt", probe.prompt}, {"reference", probe.spec.value("answer", "")}, {"answers", Json::array()}};
    for (const ArmMeasures& a : arms) {
      const ProbeResult& r = a.domain_results[order[k]];
      sample["answers"].push_back({{"name", a.name}, {"text", r.answer}, {"right", r.right}});
    }
    out.push_back(std::move(sample));
  }
  return out;
}

std::string demo_verdict(const std::vector<ArmMeasures>& arms) {
  const ArmMeasures& base = arms.front();
  std::string out;
  for (const ArmMeasures& a : std::span(arms).subspan(1)) {
    out += fmt::format("{}: harbour {} → {}, general probes {} → {}, general loss {:+.3f}. ", a.name,
                       whole_percent(base.domain.accuracy), whole_percent(a.domain.accuracy),
                       whole_percent(base.general.accuracy), whole_percent(a.general.accuracy),
                       a.general_nll - base.general_nll);
  }
  return out + "One seed and one learning rate: a demonstration, not evidence for a method.";
}

}  // namespace keel
