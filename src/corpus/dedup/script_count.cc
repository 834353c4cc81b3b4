#include "corpus/dedup/script_count.h"

#include "base/utf8.h"

namespace keel {

void count_scripts(std::string_view text, ScriptCount& count) {
  for (size_t at = 0; at < text.size();) ++count[static_cast<size_t>(script_of(next_character(text, at)))];
}

Script main_script(const ScriptCount& count) {
  ScriptCount merged = count;
  merged[static_cast<size_t>(Script::han)] += merged[static_cast<size_t>(Script::kana)];
  merged[static_cast<size_t>(Script::kana)] = 0;
  Script best = Script::none;
  int64_t most = 0;
  for (size_t i = 1; i < kScripts; ++i) {
    if (merged[i] == 0 || merged[i] < most) continue;
    best = merged[i] == most ? Script::none : static_cast<Script>(i);
    most = merged[i];
  }
  return best;
}

}  // namespace keel
