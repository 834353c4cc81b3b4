// Token weightings by name. A weighting maps what the model says about one token to a weight >= 0 that
// carries no gradient; the token's loss is weight · nll. To add one: a file in weights/, its name and line in
// registry.cc and in options.h, a row in tests/loss/weightings_test.cc.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "loss/options.h"

namespace keel {

struct TokenSignals {
  float nll = 0;      // −ln p of the label, nats
  float p = 0;        // probability of the label
  float entropy = 0;  // of the predicted distribution, nats
  float sum_p2 = 0;   // Σ p² over the vocabulary
  float top_entropy =
      0;  // of the 20 likeliest words as a distribution of their own, nats; for weightings that ask
  float reference_nll = 0;  // what a reference model says of the label, nats; for weightings that ask
};

using WeightOf = double(const TokenSignals& token, const LossOptions& options);

// The model whose reference_nll a weighting asks for: as it was before training, or some updates ago.
enum class ReferenceModel { none, start, recent };

struct Weighting {
  const char* name;
  WeightOf* of;
  bool needs_top_entropy = false;
  ReferenceModel reference = ReferenceModel::none;
};

// Throws UserError with the nearest name and the list when there is no such weighting.
const Weighting& find_weighting(const std::string& name);
std::vector<std::string> weighting_names();

// The model that a run's weightings ask for. by_source: one set of options a dataset, or none. UserError when
// they ask for two.
ReferenceModel reference_asked(const LossOptions& loss, std::span<const LossOptions> by_source);

// What the loss uses: the weighting by options.token_weighting, except that an end-of-turn token has weight
// options.weight_eos unless that is negative. `none` is plain cross-entropy: 1 for every token.
double token_weight(const Weighting& weighting, const TokenSignals& token, bool end_of_turn,
                    const LossOptions& options);

}  // namespace keel
