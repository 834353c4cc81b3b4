// Shared by the tests of config/.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/fs.h"
#include "config/run_config.h"
#include "support/error_of.h"
#include "support/paths.h"

namespace keel::test {

inline fs::path config_data(const std::string& name) { return source_dir() / "tests/config/data" / name; }

inline std::string load_error(const std::vector<std::string>& args) {
  return error_of([&] { load_run_config(args); });
}

// Enough for a valid run; tests add to it.
inline std::vector<std::string> with_basics(std::vector<std::string> args) {
  for (const char* word : {"--model", "m", "--dataset", "d.jsonl", "--output_dir", "out"})
    args.emplace_back(word);
  return args;
}

inline bool has_note(const ParseResult& parsed, const std::string& part) {
  for (const std::string& note : parsed.notes)
    if (note.find(part) != std::string::npos) return true;
  return false;
}

inline std::string all_notes(const ParseResult& parsed) {
  std::string out;
  for (const std::string& note : parsed.notes) out += note + "\n";
  return out;
}

}  // namespace keel::test
