#include "loss/registry.h"

#include "base/error.h"
#include "base/names.h"
#include "loss/gem.h"

namespace keel {

WeightOf none_weight, nlirg_weight, nlirg_article_weight, nlirg_smooth_weight, focal_weight, dft_weight,
    eaft_weight, deft_weight, infosft_weight, stm_weight, psft_weight, entropy_gate_weight;

namespace {

constexpr Weighting kWeightings[] = {
    {"none", none_weight},
    {"nlirg", nlirg_weight},
    {"nlirg-article", nlirg_article_weight},
    {"nlirg-smooth", nlirg_smooth_weight},
    {"focal", focal_weight},
    {"dft", dft_weight},
    {"eaft", eaft_weight, true},
    {"deft", deft_weight},
    {"infosft", infosft_weight},
    {"stm", stm_weight, false, ReferenceModel::start},
    {"psft", psft_weight, false, ReferenceModel::recent},
    {"entropy-gate", entropy_gate_weight, true},
};

}  // namespace

std::vector<std::string> weighting_names() {
  std::vector<std::string> names;
  for (const Weighting& line : kWeightings) names.emplace_back(line.name);
  return names;
}

const Weighting& find_weighting(const std::string& name) {
  for (const Weighting& line : kWeightings) {
    if (name == line.name) return line;
  }
  const auto known = weighting_names();
  const std::string near = nearest_name(name, known);
  throw UserError({.where = "token_weighting",
                   .found = "\"" + name + "\"",
                   .wanted = "one of " + join(known),
                   .hint = near.empty() ? "" : "did you mean \"" + near + "\"?"});
}

ReferenceModel reference_asked(const LossOptions& loss, std::span<const LossOptions> by_source) {
  ReferenceModel out = ReferenceModel::none;
  for (const LossOptions& options : by_source.empty() ? std::span(&loss, 1) : by_source) {
    if (options.token_weighting == kGem) continue;
    const ReferenceModel asked = find_weighting(options.token_weighting).reference;
    if (asked == ReferenceModel::none) continue;
    if (out != ReferenceModel::none && out != asked)
      throw UserError({.where = "weighting_by_dataset",
                       .found = "stm and psft in one run",
                       .wanted = "one of the two: each keeps a model of its own beside the trained one"});
    out = asked;
  }
  return out;
}

double token_weight(const Weighting& weighting, const TokenSignals& token, bool end_of_turn,
                    const LossOptions& options) {
  const bool fixed = end_of_turn && options.weight_eos >= 0 && weighting.of != none_weight;
  return fixed ? options.weight_eos : weighting.of(token, options);
}

}  // namespace keel
