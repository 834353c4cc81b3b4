#include "corpus/rejection.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace keel {
namespace {

std::string without_numbers(const std::string& field) {  // messages[12].role → messages[].role
  std::string out;
  bool inside = false;
  for (const char c : field) {
    inside = inside && c != ']';
    if (!inside) out += c;
    inside = inside || c == '[';
  }
  return out;
}

}  // namespace

Json to_json(const Rejection& rejection) {
  return {{"place", rejection.place},
          {"field", rejection.field},
          {"found", rejection.found},
          {"wanted", rejection.wanted}};
}

Rejection rejection_from(const Json& line) {
  return {.place = line.at("place"),
          .field = line.at("field"),
          .found = line.at("found"),
          .wanted = line.at("wanted")};
}

std::string sentence(const Rejection& r) {
  return fmt::format("{}{}, wanted {}", r.field.empty() ? "" : r.field + ": ", r.found, r.wanted);
}

std::vector<RejectedFor> by_reason(const std::vector<Rejection>& rejections) {
  std::map<std::string, RejectedFor> reasons;
  for (const Rejection& r : rejections) {
    const std::string field = without_numbers(r.field);
    RejectedFor& reason = reasons[field + '\0' + r.wanted];
    if (reason.count++ == 0) reason.text = sentence({"", field, r.found, r.wanted});
    if (reason.places.size() < 3) reason.places.push_back(r.place);
  }
  std::vector<RejectedFor> out;
  for (auto& [key, reason] : reasons) out.push_back(std::move(reason));
  std::ranges::stable_sort(out, std::ranges::greater{}, &RejectedFor::count);
  return out;
}

}  // namespace keel
