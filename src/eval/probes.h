// Probes: items with a checkable answer, with a text whose NLL is measured, or with a prompt whose answer is
// watched for repetition and stopping (docs/eval.md). What a line of JSON must have is checked on loading.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "data/example.h"
#include "eval/generate.h"

namespace keel {

struct Probe {
  std::string id, dimension, lang, type, prompt;
  Json spec;             // the whole row: answer, accept, pattern, choices, constraint, …
  std::string where;     // file:line
  uint64_t content = 0;  // hash of the row: two evaluations compare the same item only
  // Of an item that a row gave together with others (probe_variants.h):
  std::string part_of = {};               // the row's id
  std::string variant = {};               // which one it is
  std::vector<std::string> earlier = {};  // what the user says before the prompt; the model answers each

  const std::string& row_id() const { return part_of.empty() ? id : part_of; }
};

struct ProbeResult {
  std::string id, dimension;
  std::string answer;  // what the model said; for choice the text of the chosen one
  bool right = false;
  bool stopped = true;  // false: hit the length cap
  double rep4 = 0;      // repetition of the answer, n = 4
  std::string type = "contains";
  double nll = 0;                          // nll: sum over the tokens; choice: of the right one
  int64_t tokens = 0;                      // that nll is summed over
  std::vector<double> choice_scores = {};  // choice: of each, the least is chosen
  std::string group = {};
  uint64_t content = 0;
  std::string part_of = {}, variant = {};  // as in Probe

  const std::string& row_id() const { return part_of.empty() ? id : part_of; }
  bool checked() const { return type != "nll" && type != "generate"; }
  bool generated() const { return type != "nll" && type != "choice"; }
};

// What is known of a probe before it is asked.
ProbeResult unanswered(const Probe& probe);

struct ProbeSummary {
  double accuracy = 0;
  double stop_rate = 0, rep4 = 0;  // of the generated answers
  std::map<std::string, double> by_dimension;
  int64_t probes = 0;
};

const std::vector<std::string>& probe_types();

// A row as a probe; nothing, and what is wrong with it added to problems, when it cannot be used. `fallback`
// gives type, dimension, lang and id where the row has none.
std::optional<Probe> parse_probe(const Json& row, const Probe& fallback, std::vector<ErrorText>& problems);

// type defaults to "contains" (harbour's held-out file has none). UserError names file:line and the missing
// key of the first bad row.
std::vector<Probe> load_probes(const std::filesystem::path& path);

// Whether an answer is right, by the probe's type alone (every type that is checked, but choice).
bool check_answer(const Probe& probe, const std::string& answer);

struct ProbeRunOptions {
  GenerateOptions generate;
  std::string system;
  std::function<void(size_t done, size_t all)> on_progress = {};
  std::string choice_score = "mean";  // mean | sum | letter (choice.h)
};

// What must be asked of the model for some probes, which it does not own. Made apart from running, so that
// all that is too long for the model is known before anything runs.
struct PreparedProbes {
  std::span<const Probe> probes;
  ProbeRunOptions options;
  std::vector<size_t> asked;     // probes that are answered by generating
  std::vector<Example> rows;     // of NLL, a probe's side by side
  std::vector<size_t> probe_of;  // the probe of each row
};

// Prompts, dialogues, choices and replies that the model's context does not hold are added to problems.
PreparedProbes prepare_probes(const ChatModel& model, const std::vector<Probe>& probes,
                              const ProbeRunOptions& options, std::vector<ErrorText>& problems);

// Results in the order of the groups and their probes. What they generate is generated together, with the
// first group's options but for the longest answer, and all is counted by the first group's on_progress.
std::vector<ProbeResult> run_prepared(ChatModel& model, std::span<const PreparedProbes> groups);

// Both. UserError: the first probe that is too long.
std::vector<ProbeResult> run_probes(ChatModel& model, const std::vector<Probe>& probes,
                                    const ProbeRunOptions& options);

ProbeSummary summarise(const std::vector<ProbeResult>& results);

}  // namespace keel
