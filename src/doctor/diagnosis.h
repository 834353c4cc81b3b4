// What the doctor found: plain values for the terminal, JSON and HTML.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "corpus/dedup/characters.h"

namespace keel {

enum class Severity { error, warning, note };  // errors first
const char* severity_name(Severity severity);

struct Finding {
  Severity severity = Severity::note;
  std::string code;                 // for machines: near_duplicates
  std::string text;                 // one sentence, the numbers in it
  int64_t count = 0;                // of the things that the sentence is about
  double share = 0;                 // of all such things, 0 to 1
  std::vector<std::string> places;  // up to three, file:line
  std::string advice;               // what to do; may be empty
};

struct SourceFacts {
  std::string name, schema;
  int64_t rows = 0, rejected = 0, replies = 0, characters = 0;
  std::map<std::string, int64_t> rejected_for;  // reason → rows
  int64_t tokens = 0, supervised = 0;           // of what is trained; 0 without a tokenizer
  std::array<int64_t, kScripts> letters{};      // by Script
};

struct Lengths {
  std::string unit;            // "tokens" or "characters"
  std::vector<int64_t> up_to;  // upper limits of the bins, the last one holds the longest row
  std::vector<int64_t> rows;   // in each
  int64_t median = 0, p95 = 0, longest = 0;
  int64_t cutoff = 0;  // cutoff_len; 0: not in this unit
};

struct TrainingPlan {  // samples and steps_per_epoch: of one pass, through all stages
  int64_t samples = 0, samples_per_step = 0, steps_per_epoch = 0, steps = 0, stages = 1;
  double epochs = 0;
};

// Of a few training steps that were tried on this machine.
struct MeasuredSpeed {
  int64_t steps = 0;
  double tokens_per_s = 0, memory_gb = 0;
  double seconds = 0;  // that the whole plan takes at this speed
};

struct Diagnosis {
  std::vector<SourceFacts> sources, validation;
  Lengths lengths;
  std::optional<TrainingPlan> plan;
  std::optional<MeasuredSpeed> speed;
  bool tokenised = false;         // false: no model was given, and all that needs tokens is left out
  std::vector<Finding> findings;  // errors, warnings, notes; each in the order of the checks

  int64_t count(Severity severity) const;
};

// Tokens of all steps of the plan, from the mean length of the rows; 0 without a plan.
double planned_tokens(const Diagnosis& diagnosis);

Json to_json(const Diagnosis& diagnosis);

}  // namespace keel
