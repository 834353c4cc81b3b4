#include "optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/names.h"

namespace keel {
namespace {

// Share of the peak at `progress` in [0, 1], 0 being the end of warm-up.
using Shape = double(double progress);

double constant(double) { return 1; }
double linear(double progress) { return 1 - progress; }
double cosine(double progress) { return 0.5 * (1 + std::cos(std::numbers::pi * progress)); }

struct Line {
  const char* name;
  Shape* shape;
  bool warms_up;
};

constexpr Line kSchedules[] = {
    {"constant", constant, false},
    {"constant_with_warmup", constant, true},
    {"linear", linear, true},
    {"cosine", cosine, true},
};

const Line& find_schedule(const std::string& name) {
  std::vector<std::string> known;
  for (const Line& line : kSchedules) {
    if (name == line.name) return line;
    known.emplace_back(line.name);
  }
  const std::string near = nearest_name(name, known);
  throw UserError({.where = "lr_scheduler_type",
                   .found = "\"" + name + "\"",
                   .wanted = "one of " + join(known),
                   .hint = near.empty() ? "" : "did you mean \"" + near + "\"?"});
}

}  // namespace

int64_t warmup_steps_of(int64_t total_steps, const OptimOptions& options) {
  if (options.warmup_steps > 0) return options.warmup_steps;
  return static_cast<int64_t>(std::ceil(options.warmup_ratio * static_cast<double>(total_steps)));
}

double learning_rate_at(int64_t step, int64_t total_steps, const OptimOptions& options) {
  const Line& schedule = find_schedule(options.lr_scheduler_type);
  const int64_t warmup = schedule.warms_up ? warmup_steps_of(total_steps, options) : 0;
  if (step < warmup) {
    return options.learning_rate * static_cast<double>(step) / static_cast<double>(warmup);
  }
  const auto after = static_cast<double>(std::max<int64_t>(1, total_steps - warmup));
  const double progress = std::min(1.0, static_cast<double>(step - warmup) / after);
  const double share = schedule.shape(progress) * (1 - options.min_lr_ratio) + options.min_lr_ratio;
  return options.learning_rate * share;
}

}  // namespace keel
