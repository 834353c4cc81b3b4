// Letters of a text by script.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "corpus/dedup/characters.h"

namespace keel {

using ScriptCount = std::array<int64_t, kScripts>;  // by Script; Script::none: all that is no letter

void count_scripts(std::string_view text, ScriptCount& count);

// The script of most letters; none for a text without letters, and where two scripts tie. Kana count with Han
// when both are there, as Japanese mixes them.
Script main_script(const ScriptCount& count);

}  // namespace keel
