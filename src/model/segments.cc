#include "model/segments.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"

namespace keel {

Segments make_segments(std::vector<int64_t> offsets, int64_t tokens, at::Device device,
                       const std::vector<int64_t>& starts) {
  KEEL_CHECK(offsets.size() >= 2 && offsets.front() == 0 && offsets.back() == tokens,
             "segment offsets must run from 0 to the number of tokens");
  Segments result{.offsets = std::move(offsets), .positions_T = at::empty({tokens}, at::kLong)};
  auto* position = result.positions_T.data_ptr<int64_t>();
  for (int64_t s = 0; s < result.count(); ++s) {
    const int64_t length = result.offsets[s + 1] - result.offsets[s];
    KEEL_CHECK(length > 0, "an empty segment");
    const int64_t first = starts.empty() ? 0 : starts[s];
    std::iota(position + result.offsets[s], position + result.offsets[s + 1], first);
    result.end_position = std::max(result.end_position, first + length);
  }
  result.positions_T = result.positions_T.to(device);
  return result;
}

}  // namespace keel
