// For files of plain loops that are compiled once per instruction set (AVX-512, AVX2 with FMA, any); the best
// one is chosen when the program starts. Such a file is torch-free; its folder's CMakeLists.txt gives it
// flags of its own. KEEL_CLONES goes before a function with external linkage, KEEL_INLINE before what it
// calls.
#pragma once

#include <bit>
#include <cstdint>

// Clang 14 knows the attribute but not these names; it gets the plain loops.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define KEEL_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define KEEL_CLONES
#endif
#define KEEL_INLINE inline __attribute__((always_inline))  // or it would not be compiled per instruction set

namespace keel {

// The upper half of a float.
struct Bf16 {
  uint16_t bits;
};

KEEL_INLINE float to_float(float value) { return value; }
KEEL_INLINE float to_float(Bf16 value) { return std::bit_cast<float>(uint32_t{value.bits} << 16); }

KEEL_INLINE void store(float& out, float value) { out = value; }
KEEL_INLINE void store(Bf16& out, float value) {  // round to nearest, ties to even
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  out.bits = static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

}  // namespace keel
