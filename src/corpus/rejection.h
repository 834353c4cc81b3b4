// Rows that cannot be used: values with a reason, never exceptions.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/json.h"

namespace keel {

struct Rejection {
  std::string place, field, found, wanted;
};

using RejectionSink = std::function<void(const Rejection&)>;

// {"place", "field", "found", "wanted"}: a line of rejected.jsonl.
Json to_json(const Rejection& rejection);

Rejection rejection_from(const Json& line);  // Json::exception: it is none

std::string sentence(const Rejection& rejection);  // "field: found, wanted what is wanted"

struct RejectedFor {
  std::string text;  // field (without numbers), what is wanted there, what the first such row has
  int64_t count = 0;
  std::vector<std::string> places;  // up to three
};

// The most frequent first; rows with the same field and the same wish share a reason.
std::vector<RejectedFor> by_reason(const std::vector<Rejection>& rejections);

}  // namespace keel
