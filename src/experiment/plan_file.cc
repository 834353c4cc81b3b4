#include "experiment/plan_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/names.h"

namespace keel {
namespace {

std::string key_of(const std::string& pointer) { return pointer.substr(pointer.rfind('/') + 1); }

}  // namespace

const Json* PlanFile::value(const std::string& pointer) const {
  const Json::json_pointer at(pointer);
  if (!file_.value.contains(at) || file_.value.at(at).is_null()) return nullptr;
  return &file_.value.at(at);
}

std::string PlanFile::place(const std::string& pointer) const {
  const auto line = file_.lines.find(pointer);
  return line == file_.lines.end() ? path_ : fmt::format("{}:{}", path_, line->second);
}

void PlanFile::add(const ErrorText& problem) {
  const auto same = [&](const ErrorText& p) { return p.where == problem.where && p.found == problem.found; };
  if (std::ranges::none_of(problems_, same)) problems_.push_back(problem);
}

void PlanFile::problem(const std::string& pointer, std::string found, std::string wanted, std::string hint) {
  add({place(pointer), std::move(found), std::move(wanted), std::move(hint)});
}

void PlanFile::check_keys(const std::string& pointer, const std::vector<std::string>& known) {
  for (const auto& item : value(pointer)->items())
    if (std::ranges::find(known, item.key()) == known.end())
      problem(pointer + "/" + item.key(), fmt::format("unknown key \"{}\"", printable(item.key())),
              join(known), may_be_meant(item.key(), known));
}

std::string PlanFile::text(const std::string& pointer, const std::string& otherwise) {
  const Json* given = value(pointer);
  if (!given) return otherwise;
  if (given->is_string()) return given->get<std::string>();
  problem(pointer, fmt::format("{}: {}", key_of(pointer), to_line(*given)), "a text");
  return otherwise;
}

std::string PlanFile::word(const std::string& pointer, const std::string& otherwise,
                           const std::vector<std::string>& known) {
  const std::string given = text(pointer, otherwise);
  if (std::ranges::find(known, given) != known.end()) return given;
  problem(pointer, fmt::format("{}: {}", key_of(pointer), given), join(known), may_be_meant(given, known));
  return otherwise;
}

bool PlanFile::yes_or_no(const std::string& pointer, bool otherwise) {
  const Json* given = value(pointer);
  if (!given || given->is_boolean()) return given ? given->get<bool>() : otherwise;
  problem(pointer, fmt::format("{}: {}", key_of(pointer), to_line(*given)), "true or false");
  return otherwise;
}

std::vector<Json> PlanFile::list(const std::string& pointer, bool (*fits)(const Json&), const char* wanted) {
  std::vector<Json> out;
  const Json* given = value(pointer);
  if (!given) return out;
  if (!given->is_array() || given->empty())
    problem(pointer, fmt::format("{}: {}", key_of(pointer), to_line(*given)), wanted);
  if (!given->is_array()) return out;
  for (const Json& entry : *given) {
    if (!fits(entry))
      problem(pointer, fmt::format("{}: {}", key_of(pointer), to_line(entry)), wanted);
    else if (std::ranges::find(out, entry) != out.end())
      problem(pointer, fmt::format("{}: {} twice", key_of(pointer), to_line(entry)), "each value once");
    else
      out.push_back(entry);
  }
  return out;
}

}  // namespace keel
