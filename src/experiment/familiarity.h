// How well a model predicts a sample of the tokens that a run would train: the figures that `advise` decides
// by. Losses and entropies are in nats a token, shares from 0 to 1.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/json.h"
#include "eval/nll.h"

namespace keel {

struct Familiarity {
  int64_t rows = 0, tokens = 0;  // that were read, and the supervised tokens among these
  double loss = 0, median_loss = 0, entropy = 0;
  double probability = 0;                // mean of what the model gives the label
  std::array<double, 4> zones{};         // share of the tokens in each loss zone (loss/loss.h)
  double half = 0, sure = 0;             // share of the tokens with a probability of at least 0.5, 0.9
  int64_t replies = 0;                   // trained turns
  double first_loss = 0, rest_loss = 0;  // of a reply's first token; of the others but its end
  int64_t ends = 0;                      // trained ends of turn
  double end_loss = 0, end_half = 0;     // mean loss of these; share with a probability of at least 0.5

  double tokens_per_reply() const {
    return replies == 0 ? 0 : static_cast<double>(tokens) / static_cast<double>(replies);
  }
};

Json to_json(const Familiarity& f);

// Adds rows up. Keeps a float a supervised token, so it is for samples.
class FamiliarityMeter {
 public:
  void add(const RowSignals& row);
  // Zeros where there was nothing to measure. A model whose loss is no number has a loss that is none.
  Familiarity result() const;

 private:
  struct Mean {
    double sum = 0;
    int64_t n = 0;
    void add(double value) { sum += value, ++n; }
    double value() const { return n == 0 ? 0 : sum / static_cast<double>(n); }
  };

  std::vector<float> nll_;
  int64_t rows_ = 0, replies_ = 0;
  Mean entropy_, first_, rest_, end_, end_half_;
};

}  // namespace keel
