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

Mix make_mix(const Dataset& set, const DataOptions& options, uint64_t seed) {
  if (options.mix_strategy == "concat") {
    check_weights_are_used(set);
    return {};
  }
  const bool by_tokens = options.mix_by == "tokens";
  std::vector<int32_t> source_of;
  std::vector<int64_t> lengths, units(set.sources.size(), 0);
  for (const Example& e : set.examples) {
    source_of.push_back(e.source);
    lengths.push_back(e.size());
    units[static_cast<size_t>(e.source)] += by_tokens ? e.size() : 1;
  }
  const std::vector<double> shares = mixing_shares(units, options.mix_alpha, set.weights);
  Mix mix{.mixture = Mixture(source_of, std::move(lengths),
                             {.shares = shares, .by_tokens = by_tokens, .seed = seed})};
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
