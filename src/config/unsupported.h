// Keys that users of other trainers know and Keel does not have. They are told apart from typos.
#pragma once

#include <span>
#include <string_view>

namespace keel {

struct Unsupported {
  std::string_view keys;    // glob patterns joined by |
  std::string_view reason;  // why, or what to use
};

std::span<const Unsupported> unsupported_keys();

// The reason, or "" for a key that is not in the table.
std::string_view unsupported_reason(std::string_view key);

}  // namespace keel
