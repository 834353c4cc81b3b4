// The two kinds of failure. A UserError is the user's to mend: it says where, what was found, what was wanted
// and what to try, and ends the program with exit code 2 and no stack trace. A BugError is ours: a broken
// invariant, exit code 70. A bad *row* of data is neither; it is a value that is counted and set aside.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace keel {

struct ErrorText {
  std::string where = {};   // file:line, option, tensor, … ; empty when there is no place to name
  std::string found = {};   // what is there
  std::string wanted = {};  // what would have been right; may be empty
  std::string hint = {};    // what to do; may be empty
};

class UserError : public std::runtime_error {
 public:
  explicit UserError(ErrorText text);
  const ErrorText& text() const { return text_; }

 private:
  ErrorText text_;
};

class BugError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

[[noreturn]] void throw_bug(std::string_view condition, std::string_view file, int line,
                            const std::string& what);

}  // namespace keel

#define KEEL_CHECK(condition, what)                                              \
  do {                                                                           \
    if (!(condition)) ::keel::throw_bug(#condition, __FILE__, __LINE__, (what)); \
  } while (false)
