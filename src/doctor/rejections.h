// Bad rows by reason.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "corpus/record.h"

namespace keel {

struct RejectedFor {
  std::string text;  // field (without numbers), what is wanted there, what the first such row has
  int64_t count = 0;
  std::vector<std::string> places;  // up to three
};

// The most frequent first; rows with the same field and the same wish share a reason.
std::vector<RejectedFor> by_reason(const std::vector<Rejection>& rejections);

}  // namespace keel
