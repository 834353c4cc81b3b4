// A suite: groups of probes with a dimension each, what a dimension counts, and bounds that must hold.
//
//   name: general
//   weights: {math: 2}                        # of the dimensions in the total; 1 where none is given
//   gates: {knowledge: {max_acc_drop: 0.05}}  # exit code 3 when one is crossed
//   groups:
//     - {name: tasks, file: probes.jsonl}
//     - {name: text, type: nll, dimension: text, file: text.jsonl}
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "eval/probes.h"

namespace keel {

struct ProbeGroup {
  std::string name, type, dimension, format, system;
  std::filesystem::path file, context;
  std::string score = "mean";  // of choices
  int64_t max_new_tokens = 48;
  int64_t max_items = 0;  // 0: all
  std::vector<Probe> probes;
};

// Bound on one measure of a dimension ("total": of the suite).
struct Gate {
  std::string dimension, name, where;
  double limit = 0;
};

// What a gate's name stands for: min_acc, max_acc_drop, max_nll, max_nll_rise (a share of the base's NLL),
// min_stops, max_stops_drop, max_rep4, max_rep4_rise, max_drop, max_recover (measures: scores.h).
struct GateKind {
  const char* name;
  const char* measure;
  bool change;   // against the base; else of this model alone
  double worse;  // the sign of what is bad: +1 a rise, -1 a drop
};
const std::vector<GateKind>& gate_kinds();

struct Suite {
  std::string name;
  std::map<std::string, double> weights;
  std::vector<Gate> gates;
  std::vector<ProbeGroup> groups;

  double weight(const std::string& dimension) const {
    const auto given = weights.find(dimension);
    return given == weights.end() ? 1.0 : given->second;
  }
};

// Where a value of the description stands ("suite.yaml:12"), by its JSON pointer.
using PlaceOf = std::function<std::string(const std::string& pointer)>;

// Reads the probes, too; files are relative to `folder`. All mistakes are added to problems.
Suite read_suite(const Json& description, const PlaceOf& place, const std::filesystem::path& folder,
                 std::vector<ErrorText>& problems);

// A file of probes as a suite of one group.
Suite suite_of_probes(const std::filesystem::path& file, std::vector<ErrorText>& problems);

// The half of a row's items, by a hash of its id: "monitor" is looked at while training, "final" once, for
// claims.
std::string half_of(const std::string& id);

// split: all, monitor or final.
void keep_split(Suite& suite, const std::string& split);

// Nothing for none; all in one UserError.
void throw_suite_problems(const std::vector<ErrorText>& problems);

}  // namespace keel
