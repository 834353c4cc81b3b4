// Mean negative log-likelihood of the supervised tokens of a set, in nats; nothing is kept but sums.
#pragma once

#include <functional>
#include <numeric>
#include <span>

#include "data/example.h"
#include "loss/options.h"
#include "model/model.h"

namespace keel {

struct NllSum {
  double nll = 0, entropy = 0;
  int64_t tokens = 0, rows = 0;
  NllSum& operator+=(const NllSum& other) {
    nll += other.nll;
    entropy += other.entropy;
    tokens += other.tokens;
    rows += other.rows;
    return *this;
  }
  double mean() const { return tokens == 0 ? 0 : nll / static_cast<double>(tokens); }
  double mean_entropy() const { return tokens == 0 ? 0 : entropy / static_cast<double>(tokens); }
};

struct RowSignals {
  const Example* example;
  // At the place of the prediction (the label is the next token); 0 elsewhere.
  std::vector<float> nll, entropy, weight;  // weight: that of NllOptions::loss

  double nll_sum() const { return std::accumulate(nll.begin(), nll.end(), 0.0); }
};

struct NllOptions {
  int64_t max_tokens = 4096;                       // of a forward pass
  LossOptions loss = {.token_weighting = "none"};  // of a single token: no control, no reference model
  // What rows of a pass begin with alike is read once: for rows of one segment, such as the choices of a
  // question. Equal to reading each alone but for rounding.
  bool share_beginnings = false;
  std::function<void(const RowSignals&)> on_row = {};  // called in the order of the set
};

NllSum nll_over(CausalLM& model, std::span<const Example> set, const NllOptions& options = {});

}  // namespace keel
