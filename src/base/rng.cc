#include "base/rng.h"

#include <cmath>
#include <numbers>

#include "base/hash.h"

namespace keel {
namespace {

uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

constexpr uint64_t kGolden = 0x9e3779b97f4a7c15ULL;

}  // namespace

Rng::Rng(uint64_t seed, std::string_view purpose, uint64_t epoch, uint64_t index)
    : key_(mix(mix(mix(mix(seed + kGolden) ^ hash64(purpose)) + epoch * kGolden) + index)) {}

uint64_t Rng::next() { return mix(key_ + kGolden * ++counter_); }

double Rng::uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

uint64_t Rng::below(uint64_t bound) {
  const uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  uint64_t x = next();
  while (x >= limit) x = next();
  return x % bound;
}

double Rng::normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

}  // namespace keel
