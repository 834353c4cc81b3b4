#include "corpus/dedup/characters.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace keel {
namespace {

struct Block {
  char32_t first, last;
  Script script;
};

// Sorted. What is not listed is no letter. Signs inside a block (the multiplication sign among Latin letters,
// the Arabic comma) are listed as none by leaving gaps.
constexpr std::array kBlocks{
    Block{'A', 'Z', Script::latin},          Block{'a', 'z', Script::latin},
    Block{0xAA, 0xAA, Script::latin},        Block{0xBA, 0xBA, Script::latin},
    Block{0xC0, 0xD6, Script::latin},        Block{0xD8, 0xF6, Script::latin},
    Block{0xF8, 0x2AF, Script::latin},       Block{0x300, 0x36F, Script::latin},  // combining accents
    Block{0x370, 0x37D, Script::greek},      Block{0x386, 0x386, Script::greek},
    Block{0x388, 0x3FF, Script::greek},      Block{0x400, 0x52F, Script::cyrillic},
    Block{0x531, 0x587, Script::other},      Block{0x591, 0x5F2, Script::hebrew},
    Block{0x610, 0x61A, Script::arabic},     Block{0x620, 0x65F, Script::arabic},
    Block{0x66E, 0x6D3, Script::arabic},     Block{0x6D5, 0x6EF, Script::arabic},
    Block{0x6FA, 0x6FF, Script::arabic},     Block{0x700, 0x74F, Script::other},
    Block{0x750, 0x77F, Script::arabic},     Block{0x780, 0x89F, Script::other},
    Block{0x8A0, 0x8FF, Script::arabic},     Block{0x900, 0x963, Script::devanagari},
    Block{0x966, 0x97F, Script::devanagari}, Block{0x980, 0xDF3, Script::other},
    Block{0xE01, 0xE3A, Script::thai},       Block{0xE40, 0xE4E, Script::thai},
    Block{0xE80, 0x10FF, Script::other},     Block{0x1100, 0x11FF, Script::hangul},
    Block{0x1200, 0x1C7F, Script::other},    Block{0x1C80, 0x1C8F, Script::cyrillic},
    Block{0x1C90, 0x1DFF, Script::other},    Block{0x1E00, 0x1EFF, Script::latin},
    Block{0x1F00, 0x1FFC, Script::greek},    Block{0x2C00, 0x2DDF, Script::other},
    Block{0x2DE0, 0x2DFF, Script::cyrillic}, Block{0x3005, 0x3007, Script::han},
    Block{0x3041, 0x309F, Script::kana},     Block{0x30A1, 0x30FA, Script::kana},
    Block{0x30FC, 0x30FF, Script::kana},     Block{0x3105, 0x312F, Script::other},
    Block{0x3131, 0x318E, Script::hangul},   Block{0x31F0, 0x31FF, Script::kana},
    Block{0x3400, 0x4DBF, Script::han},      Block{0x4E00, 0x9FFF, Script::han},
    Block{0xA000, 0xA48C, Script::other},    Block{0xA4D0, 0xA63F, Script::other},
    Block{0xA640, 0xA69F, Script::cyrillic}, Block{0xA6A0, 0xA71F, Script::other},
    Block{0xA720, 0xA7FF, Script::latin},    Block{0xA800, 0xA95F, Script::other},
    Block{0xA960, 0xA97F, Script::hangul},   Block{0xA980, 0xABFF, Script::other},
    Block{0xAC00, 0xD7FF, Script::hangul},   Block{0xF900, 0xFAFF, Script::han},
    Block{0xFB00, 0xFB06, Script::latin},    Block{0xFB1D, 0xFB4F, Script::hebrew},
    Block{0xFB50, 0xFDFF, Script::arabic},   Block{0xFE70, 0xFEFC, Script::arabic},
    Block{0xFF21, 0xFF3A, Script::latin},    Block{0xFF41, 0xFF5A, Script::latin},
    Block{0xFF66, 0xFF9F, Script::kana},     Block{0xFFA0, 0xFFDC, Script::hangul},
    Block{0x20000, 0x323AF, Script::han},
};

}  // namespace

const char* script_name(Script script) {
  static constexpr std::array<const char*, kScripts> kNames{"none",   "Latin",      "Han",   "Kana",
                                                            "Hangul", "Cyrillic",   "Greek", "Arabic",
                                                            "Hebrew", "Devanagari", "Thai",  "other"};
  return kNames[static_cast<size_t>(script)];
}

Script script_of(char32_t character) {
  const auto block = std::ranges::lower_bound(kBlocks, character, {}, &Block::last);
  return block != kBlocks.end() && block->first <= character ? block->script : Script::none;
}

bool is_digit(char32_t c) { return (c >= '0' && c <= '9') || (c >= 0xFF10 && c <= 0xFF19); }

bool stands_alone(char32_t c) {
  if (c < 0xE00) return false;
  const bool south_east = c <= 0xEFF || (c >= 0x1000 && c <= 0x109F) || (c >= 0x1780 && c <= 0x17FF);
  const Script script = script_of(c);
  return (south_east && script != Script::none) || script == Script::han || script == Script::kana;
}

}  // namespace keel
