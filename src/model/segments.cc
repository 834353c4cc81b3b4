#include "model/segments.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"

namespace keel {

Segments make_segments(std::vector<int64_t> offsets, int64_t tokens, at::Device device,
                       std::vector<Beginning> beginnings) {
  const size_t count = offsets.empty() ? 0 : offsets.size() - 1;
  KEEL_CHECK(beginnings.empty() || beginnings.size() == count, "a beginning for each segment, or none");
  std::vector<int64_t> starts(count, 0);
  for (size_t s = 0; s < beginnings.size(); ++s) {
    const auto& [from, shared] = beginnings[s];
    if (shared == 0) continue;
    const auto earlier = static_cast<size_t>(from);
    KEEL_CHECK(earlier < s && shared <= starts[earlier] + offsets[earlier + 1] - offsets[earlier],
               "a segment begins as an earlier one does");
    starts[s] = shared;
  }
  return make_segments_behind(starts, std::move(offsets), tokens, device, std::move(beginnings));
}

Segments make_segments_behind(const std::vector<int64_t>& starts, std::vector<int64_t> offsets,
                              int64_t tokens, at::Device device, std::vector<Beginning> beginnings) {
  KEEL_CHECK(offsets.size() >= 2 && offsets.front() == 0 && offsets.back() == tokens,
             "segment offsets must run from 0 to the number of tokens");
  Segments result{.offsets = std::move(offsets),
                  .beginnings = std::move(beginnings),
                  .positions_T = at::empty({tokens}, at::kLong)};
  auto* position = result.positions_T.data_ptr<int64_t>();
  for (int64_t s = 0; s < result.count(); ++s) {
    const int64_t length = result.offsets[s + 1] - result.offsets[s];
    KEEL_CHECK(length > 0, "an empty segment");
    std::iota(position + result.offsets[s], position + result.offsets[s + 1], starts[s]);
    result.end_position = std::max(result.end_position, starts[s] + length);
  }
  result.positions_T = result.positions_T.to(device);
  return result;
}

}  // namespace keel
