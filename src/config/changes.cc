#include "config/changes.h"

#include <algorithm>

#include "config/values.h"

namespace keel {
namespace {

bool take_auto(const FieldRef& was, const FieldRef& now) {
  auto* const text = std::get_if<std::string*>(&now.value);
  if (text == nullptr || **text != "auto") return false;
  **text = *std::get<std::string*>(was.value);
  return true;
}

}  // namespace

std::vector<ConfigChange> take_over(const std::vector<FieldRef>& was, const std::vector<FieldRef>& now) {
  KEEL_CHECK(was.size() == now.size(), "fields of one struct");
  std::vector<ConfigChange> out;
  for (size_t i = 0; i < now.size(); ++i) {
    if (now[i].extra.free_on_resume || take_auto(was[i], now[i])) continue;
    const std::string before = value_text(was[i]), after = value_text(now[i]);
    if (before != after) out.push_back({.key = now[i].name, .was = before, .now = after});
  }
  return out;
}

std::vector<ErrorText> refused(std::span<const ConfigChange> changes, std::span<const std::string> allowed) {
  std::vector<ErrorText> problems;
  for (const ConfigChange& c : changes) {
    if (std::ranges::find(allowed, c.key) != allowed.end()) continue;
    problems.push_back({.where = c.key,
                        .found = c.now + ", but the run began with " + c.was,
                        .wanted = "the same value: the result would be another one",
                        .hint = "set it back, start a new run, or say allow_change: [" + c.key + "]"});
  }
  return problems;
}

}  // namespace keel
