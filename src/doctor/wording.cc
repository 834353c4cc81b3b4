#include "doctor/wording.h"

#include <fmt/format.h>

#include "base/log.h"

namespace keel {

std::string percent(double share) {
  const double p = 100 * share;
  if (p == 0 || p == 100) return fmt::format("{:.0f} %", p);
  return p < 1 ? fmt::format("{:.2f} %", p) : fmt::format("{:.1f} %", p);
}

double share_of(int64_t part, int64_t all) {
  return all == 0 ? 0 : static_cast<double>(part) / static_cast<double>(all);
}

std::string counted(int64_t n, const std::string& word, const std::string& plural) {
  if (n == 1) return "1 " + word;
  return format_count(n) + " " + (plural.empty() ? word + "s" : plural);
}

}  // namespace keel
