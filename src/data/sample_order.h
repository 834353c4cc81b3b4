// The order in which samples are passed over.
#pragma once

#include <cstdint>
#include <span>

#include "base/rng.h"

namespace keel {

// Shuffles. With keys (one a sample of the whole set; empty: none) those of small keys then come first, and
// only equals stay shuffled. part: so many of the samples are a pass of their own, before the others, so that
// a pass that is cut short has easy and hard ones of all kinds.
void put_in_order(std::span<uint32_t> samples, size_t part, Rng random, std::span<const double> keys);

}  // namespace keel
