// Probes with checkable answers: a JSONL file, one probe a line (formats: examples/general/README.md).
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "eval/generate.h"

namespace keel {

struct Probe {
  std::string id, dimension, lang, type, prompt;
  Json spec;  // the whole line: answer, accept, pattern, choices, constraint, …
};

struct ProbeResult {
  std::string id, dimension;
  std::string answer;  // what the model said; for choice the text of the chosen one
  bool right = false;
  bool stopped = true;  // false: hit the length cap
  double rep4 = 0;      // repetition of the answer, n = 4
};

struct ProbeSummary {
  double accuracy = 0, stop_rate = 0, rep4 = 0;
  std::map<std::string, double> by_dimension;
  int64_t probes = 0;
};

// type defaults to "contains" (harbour's held-out file has none). UserError names file:line and the missing
// key.
std::vector<Probe> load_probes(const std::filesystem::path& path);

// Whether an answer is right, by the probe's type alone (every type but choice).
bool check_answer(const Probe& probe, const std::string& answer);

struct ProbeRunOptions {
  GenerateOptions generate;
  std::string system;
  std::function<void(size_t done, size_t all)> on_progress = {};
};

// Generates for all probes but choice ones, which are ranked by length-normalised NLL of the choices as
// replies.
std::vector<ProbeResult> run_probes(ChatModel& model, const std::vector<Probe>& probes,
                                    const ProbeRunOptions& options);

ProbeSummary summarise(const std::vector<ProbeResult>& results);

}  // namespace keel
