// How C++ calls the bridge: borrowed texts in, owned texts out, error texts as UserError. Only for text/ and
// corpus/.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "bridge.h"

namespace keel {

inline BrStr borrow(std::string_view text) { return {text.data(), text.size()}; }

// Runs `call(char** err)`; a failure is a UserError at `where` with the bridge's text.
template <class Call>
void call_bridge(const std::string& where, const std::string& hint, Call&& call) {
  char* err = nullptr;
  if (call(&err) == 0) return;
  std::string found = err == nullptr ? "unknown error" : err;
  br_error_free(err);
  throw UserError({.where = where, .found = std::move(found), .hint = hint});
}

// Runs `call(BrBuf* out, char** err)` and takes its text.
template <class Call>
std::string text_from_bridge(const std::string& where, Call&& call) {
  BrBuf buf{};
  call_bridge(where, "", [&](char** err) { return call(&buf, err); });
  std::string text(buf.data, buf.len);
  br_buf_free(&buf);
  return text;
}

}  // namespace keel
