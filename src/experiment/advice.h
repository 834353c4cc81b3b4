// Rules of thumb: what to begin with, from what the base model says of the data. docs/advise.md has the rules
// as a table and where they come from. The limits below are ours; none was fitted to anything.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "experiment/familiarity.h"

namespace keel {

enum class Known { well, partly, hardly };
const char* known_name(Known known);  // "knows it", "knows it partly", "new to it"

// Mean probability of the trained tokens: from the first limit on a model knows the data, below the second
// they are new to it.
inline constexpr double kKnownWell = 0.7, kKnownHardly = 0.45;
inline constexpr double kHopelessShare = 0.01;  // tokens with a loss of 15 and more
inline constexpr double kNothingLeft = 0.9;     // tokens with a probability of 0.9 and more
inline constexpr double kNeverEnds = 0.05;      // ends of turn with a probability of 0.5 and more
inline constexpr double kDeepEpochs = 3;        // a run of as many passes goes deep
inline constexpr int64_t kFewRows = 50, kFewSteps = 30, kFewTokens = 500;

// What the run would be.
struct RunShape {
  int64_t parameters = 0, vocabulary = 0;  // of the base
  bool lora = false, texts = false;        // texts: stage cpt
  int64_t rows = 0, steps = 0;             // that are trained; steps: with the given batch size and epochs
  double epochs = 1, supervised_per_step = 0;
  int64_t token_batch = 0;
  bool protects = false, watches = false, validates = false;  // kl_replay; general_dataset; held-out rows
};

struct Caution {
  std::string code, text;
};

struct Advice {
  Known known = Known::partly;
  std::string known_why;
  std::string token_weighting;
  std::vector<std::string> also_try;  // weightings worth an arm of a comparison
  std::string weighting_why;
  std::vector<double> rates;  // to compare, least first; the middle one is where to begin
  std::string rates_why;
  int64_t epochs = 1;
  std::string epochs_why;
  bool protect = false;
  std::string protect_why, watch_why;
  std::vector<Caution> cautions;
};

std::string rate_text(double rate);  // a rate of one digit: "2e-4"

Advice advise(const Familiarity& f, const RunShape& run);

Json to_json(const Advice& advice);

}  // namespace keel
