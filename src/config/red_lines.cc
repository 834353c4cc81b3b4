#include "config/red_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/names.h"
#include "train/monitor_names.h"

namespace keel {
namespace {

constexpr const char* kExample = "{general_loss: {max_rise: 0.02}}";
const std::vector<std::string> kKinds = {"max", "max_rise", "min", "max_drop"};  // as RedLine::Kind

const std::vector<std::string>& measures() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> names = {"eval_loss", "general_loss", "kl_from_start"};
    names.insert(names.end(), monitor_names().begin(), monitor_names().end());
    return names;
  }();
  return all;
}

bool is_measure(const std::string& name) {
  return std::ranges::find(measures(), name) != measures().end() || name.starts_with("eval_loss/");
}

std::optional<double> number_in(const Json& row, const std::string& name) {
  const auto found = row.find(name);
  if (found == row.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

std::string said(const std::optional<double>& value, const char* otherwise) {
  return value ? fmt::format("{:.4f}", *value) : otherwise;
}

}  // namespace

std::vector<RedLine> red_lines(const Json& gates, const std::string& place,
                               std::vector<ErrorText>& problems) {
  std::vector<RedLine> out;
  const auto refuse = [&](std::string found, std::string wanted, std::string hint = "") {
    problems.push_back({place, std::move(found), std::move(wanted), std::move(hint)});
  };
  if (gates.is_null()) return out;
  if (!gates.is_object()) {
    refuse("gates that are no map", kExample);
    return out;
  }
  for (const auto& [measure, limits] : gates.items()) {
    if (!is_measure(measure))
      refuse(fmt::format("gates: nothing is measured by the name \"{}\"", measure),
             join(measures()) + " or eval_loss/SOURCE", may_be_meant(measure, measures()));
    else if (!limits.is_object() || limits.empty())
      refuse(fmt::format("gates: {} without limits", measure), kExample);
    else
      for (const auto& [kind, limit] : limits.items()) {
        const auto known = std::ranges::find(kKinds, kind);
        if (known == kKinds.end())
          refuse(fmt::format("gates: unknown limit \"{}\" of {}", kind, measure), join(kKinds),
                 may_be_meant(kind, kKinds));
        else if (!limit.is_number())
          refuse(fmt::format("gates: {} of {} is {}", kind, measure, limit.dump()), "a number");
        else
          out.push_back({.measure = measure,
                         .kind = static_cast<RedLine::Kind>(known - kKinds.begin()),
                         .limit = limit.get<double>()});
      }
  }
  return out;
}

std::vector<std::string> crossed(std::span<const RedLine> lines, const Json& before, const Json& after) {
  using Kind = RedLine::Kind;
  std::vector<std::string> out;
  for (const RedLine& line : lines) {
    const std::optional<double> was = number_in(before, line.measure), is = number_in(after, line.measure);
    const bool least = line.kind == Kind::min || line.kind == Kind::max_drop;
    std::optional<double> bound = line.limit;
    if (line.kind == Kind::max_rise || line.kind == Kind::max_drop) {
      const double share = least ? -line.limit : line.limit;
      bound = was ? std::optional(*was + std::abs(*was) * share) : std::nullopt;
    }
    if (is && bound && (least ? *is >= *bound : *is <= *bound)) continue;
    out.push_back(fmt::format("{} {}, at {} {} ({}: {:g})", line.measure, said(is, "is no number"),
                              least ? "least" : "most", said(bound, "unknown"),
                              kKinds[static_cast<size_t>(line.kind)], line.limit));
  }
  return out;
}

}  // namespace keel
