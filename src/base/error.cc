#include "base/error.h"

#include <fmt/format.h>

namespace keel {
namespace {

std::string render(const ErrorText& text) {
  std::string out;
  if (!text.where.empty()) out += text.where + ": ";
  out += text.found;
  if (!text.wanted.empty()) out += "\n  wanted: " + text.wanted;
  if (!text.hint.empty()) out += "\n  try:    " + text.hint;
  return out;
}

}  // namespace

UserError::UserError(ErrorText text) : std::runtime_error(render(text)), text_(std::move(text)) {}

void throw_bug(std::string_view condition, std::string_view file, int line, const std::string& what) {
  throw BugError(fmt::format("{}:{}: {} (broken: {})", file, line, what, condition));
}

}  // namespace keel
