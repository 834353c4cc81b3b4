#include "experiment/scale.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace keel {
namespace {

bool takes(const Scale& scale, const Series& series) {
  if (series.measure != scale.measure || series.dimension == scale.except) return false;
  return scale.only.empty() ? series.dimension != "total" : series.dimension == scale.only;
}

bool has_items(const Scale& scale, std::span<const ProbeResult> results) {
  return std::ranges::any_of(series_of(results), [&](const Series& s) { return takes(scale, s); });
}

}  // namespace

std::vector<Stratum> paired_items(const Scale& scale, std::span<const ProbeResult> before,
                                  std::span<const ProbeResult> after) {
  const std::vector<Series> was = series_of(before), now = series_of(after);
  KEEL_CHECK(was.size() == now.size(), "both sides were asked the same");
  std::vector<Stratum> strata;
  for (size_t s = 0; s < now.size(); ++s) {
    if (!takes(scale, now[s])) continue;
    const auto weight = scale.weights.find(now[s].dimension);
    Stratum stratum{.weight = weight == scale.weights.end() ? 1 : weight->second};
    if (stratum.weight == 0) continue;
    KEEL_CHECK(was[s].points.size() == now[s].points.size(), "both sides have the same items");
    for (size_t i = 0; i < now[s].points.size(); ++i) {
      const ItemValue &b = was[s].points[i], &a = now[s].points[i];
      KEEL_CHECK(b.item == a.item && b.size == a.size, "an item is the same on both sides: " + a.item);
      stratum.pairs.push_back({b.value, a.value, a.size});
    }
    strata.push_back(std::move(stratum));
  }
  return strata;
}

double value_of(const Scale& scale, std::span<const ProbeResult> results) {
  double sum = 0, weights = 0;
  for (const Stratum& stratum : paired_items(scale, results, results)) {
    double value = 0, size = 0;
    for (const Pair& pair : stratum.pairs) value += pair.after, size += pair.size;
    sum += stratum.weight * value / size;
    weights += stratum.weight;
  }
  return weights > 0 ? sum / weights : std::numeric_limits<double>::quiet_NaN();
}

Scales scales_of(const Plan& plan, const std::map<std::string, double>& weights,
                 std::span<const ProbeResult> base) {
  const bool by_suite = plan.domain == "suite";
  Scales out{.domain = by_suite ? Scale{"domain accuracy", "acc", kSuiteDomain}
                                : Scale{"domain loss", "nll", kDomainRows},
             .general = {}};
  if (!has_items(out.domain, base))
    throw UserError(
        {.where = "eval: domain",
         .found = by_suite ? fmt::format("the suite has no answers of the dimension \"{}\"", kSuiteDomain)
                           : "no held-out rows of the domain",
         .wanted = by_suite ? "probes with \"dimension\": \"domain\"" : "val_size or eval_dataset"});
  const Scale rows{"general loss", "nll", kGeneralRows};
  const Scale texts{"general loss", "nll", "", kDomainRows, weights};
  for (const Scale& scale :
       {has_items(rows, base) ? rows : texts, Scale{"general accuracy", "acc", "", kSuiteDomain, weights}})
    if (has_items(scale, base)) out.general.push_back(scale);
  if (out.general.empty())
    throw UserError({.where = "eval: suite",
                     .found = "nothing in it that could be forgotten",
                     .wanted = "probes of other dimensions than \"domain\", or general_dataset in base"});
  return out;
}

}  // namespace keel
