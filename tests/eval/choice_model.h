// The tiny llama of the goldens with a tokenizer of one token a character and a chat template, and the
// questions that tests/golden/choice_ref.py asks it.
#pragma once

#include <vector>

#include "base/fs.h"
#include "eval/probes.h"
#include "support/paths.h"

namespace keel::test {

inline ChatModel load_choice_model() {
  const TempDir dir;
  for (const char* name : {"config.json", "model.safetensors", "generation_config.json"})
    fs::copy_file(golden_dir() / "llama" / name, dir / name);
  for (const char* name : {"tokenizer.json", "tokenizer_config.json"})
    fs::copy_file(golden_dir() / "choice" / name, dir / name);
  return load_chat_model({.model = {.model_name_or_path = dir.path().string(), .precision = "fp32"}});
}

inline std::vector<Probe> load_choice_probes() { return load_probes(golden_dir() / "choice/probes.jsonl"); }

}  // namespace keel::test
