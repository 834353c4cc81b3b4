#include "data/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/hash.h"

namespace keel {

uint64_t content_hash(const Record& record) {
  return hash64(record.messages.dump() + '\0' + record.tools.dump() + '\0' + record.text);
}

std::vector<bool> held_out(std::span<const uint64_t> hashes, double val_size) {
  const size_t rows = hashes.size();
  std::vector<bool> out(rows, false);
  if (!(val_size > 0)) return out;
  const double wanted =
      val_size < 1 ? std::max(1.0, std::round(val_size * static_cast<double>(rows))) : val_size;
  std::vector<uint64_t> sorted(hashes.begin(), hashes.end());
  std::ranges::sort(sorted);
  if (wanted >= static_cast<double>(rows) || sorted[static_cast<size_t>(wanted) - 1] == sorted.back())
    throw UserError({.where = "val_size",
                     .found = fmt::format("{:g} of {} rows", val_size, rows),
                     .wanted = "rows left to train (equal rows stay together)"});
  const uint64_t limit = sorted[static_cast<size_t>(wanted) - 1];
  for (size_t i = 0; i < rows; ++i) out[i] = hashes[i] <= limit;
  return out;
}

}  // namespace keel
