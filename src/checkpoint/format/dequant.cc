#include "checkpoint/format/dequant.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/names.h"

namespace keel {
namespace {

using Bytes = const uint8_t*;

constexpr size_t kSuper = 256;  // values of a K block

constexpr std::array<GgufType, 11> kTypes{{{0, "F32", 1, 4},
                                           {1, "F16", 1, 2},
                                           {30, "BF16", 1, 2},
                                           {8, "Q8_0", 32, 34},
                                           {2, "Q4_0", 32, 18},
                                           {3, "Q4_1", 32, 20},
                                           {6, "Q5_0", 32, 22},
                                           {7, "Q5_1", 32, 24},
                                           {12, "Q4_K", kSuper, 144},
                                           {13, "Q5_K", kSuper, 176},
                                           {14, "Q6_K", kSuper, 210}}};

uint16_t read16(Bytes in) { return static_cast<uint16_t>(in[0] | in[1] << 8); }
uint32_t read32(Bytes in) { return read16(in) | static_cast<uint32_t>(read16(in + 2)) << 16; }
float read_half(Bytes in) { return half_to_float(read16(in)); }

void f32(Bytes in, float* out) { *out = std::bit_cast<float>(read32(in)); }
void f16(Bytes in, float* out) { *out = read_half(in); }
void bf16(Bytes in, float* out) { *out = std::bit_cast<float>(static_cast<uint32_t>(read16(in)) << 16); }

// scale, 32 signed bytes
void q8_0(Bytes in, float* out) {
  const float d = read_half(in);
  for (int i = 0; i < 32; ++i) out[i] = static_cast<float>(static_cast<int8_t>(in[2 + i])) * d;
}

// The low half-bytes are values 0–15 of the block, the high ones 16–31.
int nibble(Bytes q, int i) { return i < 16 ? q[i] & 15 : q[i - 16] >> 4; }

// scale, 16 bytes
void q4_0(Bytes in, float* out) {
  const float d = read_half(in);
  for (int i = 0; i < 32; ++i) out[i] = d * static_cast<float>(nibble(in + 2, i) - 8);
}

// scale, minimum, 16 bytes
void q4_1(Bytes in, float* out) {
  const float d = read_half(in), m = read_half(in + 2);
  for (int i = 0; i < 32; ++i) out[i] = d * static_cast<float>(nibble(in + 4, i)) + m;
}

int five_bits(Bytes q, uint32_t high, int i) { return nibble(q, i) | static_cast<int>(high >> i & 1) << 4; }

// scale, 32 fifth bits, 16 bytes
void q5_0(Bytes in, float* out) {
  const float d = read_half(in);
  const uint32_t high = read32(in + 2);
  for (int i = 0; i < 32; ++i) out[i] = d * static_cast<float>(five_bits(in + 6, high, i) - 16);
}

// scale, minimum, 32 fifth bits, 16 bytes
void q5_1(Bytes in, float* out) {
  const float d = read_half(in), m = read_half(in + 2);
  const uint32_t high = read32(in + 4);
  for (int i = 0; i < 32; ++i) out[i] = d * static_cast<float>(five_bits(in + 8, high, i)) + m;
}

struct ScaleMin {
  float scale, min;
};

// 12 bytes hold eight 6-bit scales and eight 6-bit minima: those of 0–3 in the low bits of bytes 0–3 and 4–7;
// those of 4–7 have their low four bits in bytes 8–11 and their high two on top of bytes 0–7.
ScaleMin scale_min(Bytes in, int i) {
  if (i < 4) return {static_cast<float>(in[i] & 63), static_cast<float>(in[i + 4] & 63)};
  const int scale = (in[i + 4] & 15) | (in[i - 4] >> 6) << 4;
  const int min = in[i + 4] >> 4 | (in[i] >> 6) << 4;
  return {static_cast<float>(scale), static_cast<float>(min)};
}

// super scale, super minimum, 12 bytes of scales, 128 bytes: every 32 of them are two groups, low and high
void q4_k(Bytes in, float* out) {
  const float d = read_half(in), dmin = read_half(in + 2);
  for (int group = 0; group < 8; ++group) {
    const auto [scale, min] = scale_min(in + 4, group);
    const float ds = d * scale, dm = dmin * min;
    const Bytes q = in + 16 + group / 2 * 32;
    for (int i = 0; i < 32; ++i) *out++ = ds * static_cast<float>(q[i] >> (group % 2 * 4) & 15) - dm;
  }
}

// as q4_k, with 32 bytes of fifth bits (bit g of byte i belongs to value i of group g) before the 128
void q5_k(Bytes in, float* out) {
  const float d = read_half(in), dmin = read_half(in + 2);
  const Bytes high = in + 16;
  for (int group = 0; group < 8; ++group) {
    const auto [scale, min] = scale_min(in + 4, group);
    const float ds = d * scale, dm = dmin * min;
    const Bytes q = in + 48 + group / 2 * 32;
    for (int i = 0; i < 32; ++i) {
      const int value = (q[i] >> (group % 2 * 4) & 15) | (high[i] >> group & 1) << 4;
      *out++ = ds * static_cast<float>(value) - dm;
    }
  }
}

// 128 bytes of low nibbles, 64 of high pairs, 16 signed scales, super scale. Each half of the block (128
// values) has four groups of 32: low nibbles of bytes 0–31, 32–63, then the high nibbles of the same; group
// g's pair is at 2g.
void q6_k(Bytes in, float* out) {
  const float d = read_half(in + 208);
  for (int i = 0; i < static_cast<int>(kSuper); ++i) {
    const int half = i / 128, group = i % 128 / 32, column = i % 32;
    const uint8_t low = in[half * 64 + group % 2 * 32 + column];
    const uint8_t high = in[128 + half * 32 + column];
    const int value = (low >> (group / 2 * 4) & 15) | (high >> (2 * group) & 3) << 4;
    const float scale = d * static_cast<float>(static_cast<int8_t>(in[192 + i / 16]));
    out[i] = scale * static_cast<float>(value - 32);
  }
}

using Decode = void (*)(Bytes, float*);
constexpr std::array<Decode, 11> kDecode{f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, q4_k, q5_k, q6_k};

}  // namespace

const GgufType* find_gguf_type(uint32_t id) {
  for (const GgufType& type : kTypes)
    if (type.id == id) return &type;
  return nullptr;
}

std::string gguf_type_name(uint32_t id) {
  if (const GgufType* type = find_gguf_type(id)) return std::string(type->name);
  constexpr std::array<std::string_view, 31> names{
      "",      "",       "",   "",    "Q4_2", "Q4_3",    "",       "",        "",      "Q8_1",   "Q2_K",
      "Q3_K",  "",       "",   "",    "Q8_K", "IQ2_XXS", "IQ2_XS", "IQ3_XXS", "IQ1_S", "IQ4_NL", "IQ3_S",
      "IQ2_S", "IQ4_XS", "I8", "I16", "I32",  "I64",     "F64",    "IQ1_M",   ""};
  if (id < names.size() && !names[id].empty()) return std::string(names[id]);
  return fmt::format("type {}", id);
}

std::string known_gguf_types() {
  std::vector<std::string> names;
  for (const GgufType& type : kTypes) names.emplace_back(type.name);
  return join(names);
}

void dequantize(const GgufType& type, std::span<const std::byte> bytes, std::span<float> values) {
  const size_t blocks = values.size() / type.block;
  KEEL_CHECK(blocks * type.block == values.size() && blocks * type.bytes == bytes.size(), "not whole blocks");
  size_t index = 0;
  while (kTypes[index].id != type.id) ++index;
  const auto* in = reinterpret_cast<Bytes>(bytes.data());
  for (size_t i = 0; i < blocks; ++i) kDecode[index](in + i * type.bytes, values.data() + i * type.block);
}

float half_to_float(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  const uint32_t exponent = bits >> 10 & 31, fraction = bits & 0x3ff;
  if (exponent == 0) {  // zero or subnormal: fraction · 2^-24, exact in float
    const float value = std::ldexp(static_cast<float>(fraction), -24);
    return sign ? -value : value;
  }
  const uint32_t rebased = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | rebased << 23 | fraction << 13);
}

}  // namespace keel
