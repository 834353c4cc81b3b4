// Several sources mixed by share: which sample comes next, so that the shares hold not on average but all
// along.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace keel {

// p_i = weight_i · n_i^alpha / Σ_j: temperature sampling (alpha 1: as much of a source as there is; 0: as
// much of each). n_i: units (tokens or samples) of source i; a source of 0 units has share 0.
std::vector<double> mixing_shares(std::span<const int64_t> units, double alpha,
                                  std::span<const double> weights);

struct MixtureOptions {
  std::vector<double> shares;  // of each source; they sum to 1
  bool by_tokens = true;       // what the shares are shares of: tokens, else samples
  uint64_t seed = 42;
  double units = 0;               // of an epoch; 0: as many as all sources have together
  std::vector<double> keys = {};  // of each sample: small ones first; empty: shuffled
};

class Mixture {
 public:
  // source_of, lengths: of each sample. BugError when a source with a share has no sample.
  Mixture(std::span<const int32_t> source_of, std::vector<int64_t> lengths, MixtureOptions options);

  std::span<const double> shares() const { return options_.shares; }  // of each source

  int64_t draws() const { return draws_; }  // samples of an epoch

  // The samples of an epoch in order, a pure function of (seed, epoch). At any point each source has its
  // share up to one sample. A source is passed over in an order of its own, again and again if its share asks
  // for it, so that no sample comes a second time in an epoch before every other one of its source has come.
  std::vector<uint32_t> order(int64_t epoch) const;

  // How often an epoch passes over each source.
  std::vector<double> passes() const;

 private:
  // How often an epoch passes over a source.
  double passes_of(size_t source) const {
    return samples_[source].empty() ? 0 : options_.shares[source] * options_.units / source_units_[source];
  }
  double units_of(uint32_t sample) const {
    return options_.by_tokens ? static_cast<double>(lengths_[sample]) : 1.0;
  }

  std::vector<std::vector<uint32_t>> samples_;  // of each source
  std::vector<int64_t> lengths_;
  std::vector<double> source_units_;
  MixtureOptions options_;
  int64_t draws_ = 0;
};

}  // namespace keel
