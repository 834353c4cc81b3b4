#include "data/mix.h"

#include <fmt/format.h>

#include "base/error.h"

namespace keel {
namespace {

constexpr double kManyPasses = 4;

void check_weights_are_used(const Dataset& set) {
  for (size_t i = 0; i < set.weights.size(); ++i) {
    if (set.weights[i] == 1) continue;
    throw UserError(
        {.where = "datasets",
         .found = fmt::format("weight: {} for {}, and mix_strategy: concat", set.weights[i], set.sources[i]),
         .wanted = "a strategy that uses it",
         .hint = "mix_strategy: multi_task, or leave the weight out (concat takes every sample once)"});
  }
}

}  // namespace

Mixture mixture_of(std::span<const int32_t> source_of, std::vector<int64_t> lengths,
                   std::span<const double> weights, const DataOptions& options, uint64_t seed) {
  const bool by_tokens = options.mix_by == "tokens";
  std::vector<int64_t> units(weights.size(), 0);
  for (size_t i = 0; i < lengths.size(); ++i)
    units[static_cast<size_t>(source_of[i])] += by_tokens ? lengths[i] : 1;
  return Mixture(
      source_of, std::move(lengths),
      {.shares = mixing_shares(units, options.mix_alpha, weights), .by_tokens = by_tokens, .seed = seed});
}

Mix make_mix(const Dataset& set, const DataOptions& options, uint64_t seed) {
  if (options.mix_strategy == "concat") {
    check_weights_are_used(set);
    return {};
  }
  Mix mix{.mixture = mixture_of(set.examples.sources(), set.examples.lengths(), set.weights, options, seed)};
  const std::span<const double> shares = mix.mixture->shares();
  const std::vector<double> passes = mix.mixture->passes();
  for (size_t i = 0; i < shares.size(); ++i) {
    mix.lines.push_back(fmt::format("mix: {} {:.1f} % of the {}, {:.2g} passes an epoch", set.sources[i],
                                    100 * shares[i], options.mix_by, passes[i]));
    if (passes[i] > kManyPasses)
      mix.warnings.push_back(fmt::format(
          "{} is passed over {:.1f} times an epoch: so much repetition is learned by heart; lower its "
          "weight or raise mix_alpha",
          set.sources[i], passes[i]));
  }
  return mix;
}

}  // namespace keel
