// What runs are compared by: one number of a model, item by item.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "eval/paired.h"
#include "eval/scores.h"
#include "experiment/plan.h"

namespace keel {

// Dimensions of the held-out rows of the data, as `nll` items beside those of a suite.
inline constexpr const char* kDomainRows = "domain rows";
inline constexpr const char* kGeneralRows = "general rows";
inline constexpr const char* kSuiteDomain = "domain";  // the dimension of a suite that is not general ability

struct Scale {
  std::string name;                            // "general loss"
  std::string measure;                         // nll, acc, stops or rep4 (eval/scores.h)
  std::string only = {};                       // the dimension; empty: all, each with its weight
  std::string except = {};                     // but this one
  std::map<std::string, double> weights = {};  // 1 where none is given

  bool more_is_better() const { return is_share(measure); }
  double better_by(double change) const { return more_is_better() ? change : -change; }
};

// A stratum a dimension. BugError: not the same items on both sides.
std::vector<Stratum> paired_items(const Scale& scale, std::span<const ProbeResult> before,
                                  std::span<const ProbeResult> after);

double value_of(const Scale& scale, std::span<const ProbeResult> results);  // NaN when it has no item

struct Scales {
  Scale domain;                // what is learned
  std::vector<Scale> general;  // what may be forgotten; arms are matched and drawn by the first
};

// As the plan and what was measured of the base model have it. UserError: domain: suite, but no such
// dimension; no general item at all.
Scales scales_of(const Plan& plan, const std::map<std::string, double>& weights,
                 std::span<const ProbeResult> base);

}  // namespace keel
