// How deeply a JSON text is nested, found without parsing it. Values are copied, written and compared by
// functions that call themselves for each level, so the depth of a hostile text has to be known before there
// is a value.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace keel {

// Follows strings and brackets, no more of JSON than that.
class JsonNesting {
 public:
  void step(char c) {
    if (in_string_) {
      if (escaped_)
        escaped_ = false;
      else if (c == '\\')
        escaped_ = true;
      else if (c == '"')
        in_string_ = false;
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '[' || c == '{') {
      deepest_ = std::max(deepest_, ++depth_);
    } else if (c == ']' || c == '}') {
      depth_ = std::max(0, depth_ - 1);
    } else if (c == ':') {
      ++colons_;
    }
  }
  int depth() const { return depth_; }
  int deepest() const { return deepest_; }
  size_t colons() const { return colons_; }  // one for each key of an object
  bool in_string() const { return in_string_; }

 private:
  int depth_ = 0, deepest_ = 0;
  size_t colons_ = 0;
  bool in_string_ = false, escaped_ = false;
};

inline JsonNesting nesting_of(std::string_view text) {
  JsonNesting nesting;
  for (const char c : text) nesting.step(c);
  return nesting;
}

}  // namespace keel
