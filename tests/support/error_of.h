// What a refusal says, for tests of the texts that users read.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "base/error.h"

namespace keel::test {

// Nothing when the work is done. Other exceptions pass through and end the test.
template <class Work>
std::optional<UserError> refusal_of(Work&& work) {
  try {
    work();
  } catch (const UserError& error) {
    return error;
  }
  return std::nullopt;
}

// The parts of the text; without a refusal the test fails at the caller's line. (Clang 14 has the built-in
// functions, but no std::source_location.)
template <class Work>
ErrorText error_text_of(Work&& work, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  if (const auto error = refusal_of(work)) return error->text();
  ADD_FAILURE_AT(file, line) << "nothing was refused: no UserError";
  return {};
}

// The same as users see it.
template <class Work>
std::string error_of(Work&& work, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  return UserError(error_text_of(work, file, line)).what();
}

}  // namespace keel::test
