#include "data/mix.h"

#include <fmt/format.h>

#include "base/error.h"

namespace keel {
namespace {

constexpr double kManyPasses = 4;

// Makes the stages of one set, one after another.
class Mixer {
 public:
  Mixer(const MixSamples& samples, const DataOptions& options, uint64_t seed)
      : samples_(samples),
        options_(options.mixing),
        seed_(seed),
        specs_(training_specs(options)),
        units_(specs_.size(), 0) {
    KEEL_CHECK(specs_.size() == samples.sources.size(), "the sources are those of the options");
    const bool by_tokens = options_.by == "tokens";
    for (size_t i = 0; i < samples.lengths.size(); ++i)
      units_[static_cast<size_t>(samples.source_of[i])] += by_tokens ? samples.lengths[i] : 1;
  }

  Mix mix() const {
    std::vector<ErrorText> problems;
    const std::vector<StagePlan> plans = plan_stages(specs_, options_, problems);
    if (!problems.empty()) throw UserError(problems.front());
    Mix out;
    for (size_t i = 0; i < plans.size(); ++i) {
      MixStage stage{.epochs = plans[i].epochs,
                     .max_steps = plans[i].max_steps,
                     .learning_rate = plans[i].learning_rate};
      if (options_.strategy != "concat") {
        const std::string name = plans.size() > 1 ? fmt::format("stage {}: ", i + 1) : "";
        stage.mixture = mixture(plans[i], i);
        tell(*stage.mixture, name, out);
      }
      out.stages.push_back(std::move(stage));
    }
    return out;
  }

 private:
  double units_of(const std::vector<size_t>& sources) const {
    double units = 0;
    for (const size_t s : sources) units += static_cast<double>(units_[s]);
    return units;
  }

  // Adds `part` of all units to the shares, spread over these sources.
  void add_shares(const std::vector<size_t>& sources, double part, std::vector<double>& shares) const {
    std::vector<int64_t> units;
    std::vector<double> weights;
    for (const size_t s : sources) {
      units.push_back(units_[s]);
      weights.push_back(specs_[s].weight);
    }
    const std::vector<double> own = mixing_shares(units, options_.alpha, weights);
    for (size_t i = 0; i < sources.size(); ++i) shares[sources[i]] += part * own[i];
  }

  Mixture mixture(const StagePlan& plan, size_t number) const {
    const double fresh = units_of(plan.fresh), replayed = units_of(plan.replayed);
    if (fresh == 0)
      throw UserError({.where = "datasets",
                       .found = fmt::format("no sample is left in the sources of stage {}", number + 1),
                       .wanted = "at least one",
                       .hint = "look at cutoff_len, train_on, and what val_size holds out"});
    double ratio = replayed == 0 ? 0 : plan.replay_ratio;
    if (plan.dmt_k) ratio = *plan.dmt_k * replayed / (fresh + *plan.dmt_k * replayed);
    std::vector<double> shares(specs_.size(), 0.0);
    add_shares(plan.fresh, 1 - ratio, shares);
    if (ratio > 0) add_shares(plan.replayed, ratio, shares);
    return {samples_.source_of,
            samples_.lengths,
            {.shares = std::move(shares),
             .by_tokens = options_.by == "tokens",
             .seed = seed_,
             .units = fresh / (1 - ratio),
             .keys = samples_.order_keys}};
  }

  void tell(const Mixture& mixture, const std::string& stage, Mix& out) const {
    const std::span<const double> shares = mixture.shares();
    const std::vector<double> passes = mixture.passes();
    for (size_t i = 0; i < shares.size(); ++i) {
      if (shares[i] == 0) continue;
      out.lines.push_back(fmt::format("mix: {}{} {:.1f} % of the {}, {:.2g} passes an epoch", stage,
                                      samples_.sources[i], 100 * shares[i], options_.by, passes[i]));
      if (passes[i] > kManyPasses)
        out.warnings.push_back(fmt::format(
            "{}{} is passed over {:.1f} times an epoch: so much repetition is learned by heart; "
            "lower its weight or {}",
            stage, samples_.sources[i], passes[i], stage.empty() ? "raise mix_alpha" : "replay less"));
    }
  }

  const MixSamples& samples_;
  const MixingOptions& options_;
  uint64_t seed_;
  std::vector<DatasetSpec> specs_;
  std::vector<int64_t> units_;  // of each source
};

}  // namespace

Mix make_mix(const MixSamples& samples, const DataOptions& options, uint64_t seed) {
  return Mixer(samples, options, seed).mix();
}

Mix make_mix(const Dataset& set, const DataOptions& options, uint64_t seed) {
  return make_mix({.sources = set.sources,
                   .source_of = set.examples.sources(),
                   .lengths = set.examples.lengths(),
                   .order_keys = set.order_keys},
                  options, seed);
}

}  // namespace keel
