#include "corpus/json_entry.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/names.h"

namespace keel {
namespace {

std::string join_names(std::initializer_list<const char*> names) {
  return join(std::vector<std::string>(names.begin(), names.end()));
}

}  // namespace

std::string shown(const Json& value) {
  std::string text = to_line(value);
  return text.size() <= 60 ? text : text.substr(0, text.find_last_of(" ,", 60)) + " …";
}

JsonEntry::JsonEntry(const Json& object, std::string where, std::vector<ErrorText>& problems)
    : object_(object), where_(std::move(where)), problems_(problems) {}

const Json* JsonEntry::take(std::initializer_list<const char*> names) {
  const Json* found = nullptr;
  for (const char* name : names) {
    known_.emplace_back(name);
    const auto it = object_.find(name);
    if (it == object_.end() || it->is_null()) continue;
    if (found != nullptr)
      problem(name, "a second name for one thing", fmt::format("only one of {}", join_names(names)));
    found = &*it;
    name_ = name;
  }
  return found;
}

void JsonEntry::text(std::initializer_list<const char*> names, std::string& target) {
  const Json* value = take(names);
  if (value == nullptr) return;
  if (value->is_string())
    target = value->get<std::string>();
  else if (value->is_number())
    target = value->dump();  // a file named 2024
  else
    problem(name_, shown(*value), "text");
}

std::optional<int64_t> JsonEntry::whole(std::initializer_list<const char*> names, int64_t least) {
  const Json* value = take(names);
  if (value == nullptr) return {};
  if (value->is_number_integer() && value->get<int64_t>() >= least) return value->get<int64_t>();
  problem(name_, shown(*value), fmt::format("a whole number, at least {}", least));
  return {};
}

std::optional<double> JsonEntry::number(std::initializer_list<const char*> names, bool (*fits)(double),
                                        const char* wanted) {
  const Json* value = take(names);
  if (value == nullptr) return {};
  if (value->is_number() && std::isfinite(value->get<double>()) && fits(value->get<double>()))
    return value->get<double>();
  problem(name_, shown(*value), wanted);
  return {};
}

void JsonEntry::problem(const std::string& key, std::string found, std::string wanted, std::string hint) {
  problems_.push_back({.where = key.empty() ? where_ : where_ + "." + key,
                       .found = std::move(found),
                       .wanted = std::move(wanted),
                       .hint = std::move(hint)});
}

void JsonEntry::unknown_keys() {
  for (const auto& [key, value] : object_.items()) {
    if (std::ranges::find(known_, key) != known_.end()) continue;
    const std::string near = nearest_name(key, known_);
    problem("", fmt::format("unknown key '{}'", key), near.empty() ? "one of: " + join(known_) : "",
            near.empty() ? "" : fmt::format("did you mean '{}'?", near));
  }
}

}  // namespace keel
