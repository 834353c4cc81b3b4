#include "app/interpolation.h"

#include <fmt/format.h>

#include "app/interrupt.h"
#include "base/fs.h"
#include "base/log.h"
#include "checkpoint/adapter_folder.h"
#include "checkpoint/hf_folder.h"
#include "model/interpolate.h"

namespace keel {
namespace {

void write_interpolant(const RunConfig& config, const fs::path& trained, double share, const fs::path& out) {
  if (config.model.finetuning_type == "lora") {
    const AdapterFolder adapter = AdapterFolder::open(trained.string());
    const AdapterWeights mixed =
        interpolated({.config = adapter.config, .tensors = adapter.tensors()}, share);
    return save_adapter(out, mixed.config, mixed.tensors);
  }
  const HfFolder base = HfFolder::open(resolve_model(config.model.model_name_or_path));
  const HfFolder tuned = HfFolder::open(trained);
  save_hf_folder(tuned, interpolated(base.tensors(), tuned.tensors(), share), tuned.config, out);
}

EvalOutcome measured(const RunConfig& config, const EvalSets& sets, const fs::path& saved) {
  ChatModel model = load_trained(config, saved);
  EvalOutcome out = Evaluator(*model.lm, sets, {}).measure();
  out.monitors = measure_monitors(model, sets.monitors, out.domain);
  return out;
}

class Sweep {
 public:
  Sweep(const RunConfig& config, const EvalSets& sets, const TrainSummary& summary)
      : config_(config), sets_(sets), summary_(summary) {}

  Interpolation run() {
    out_.models.push_back({.share = 1, .outcome = summary_.after});
    for (const double share : config_.protection.interpolate)
      if (!interrupted()) add(share);
    out_.gain_kept = gain_kept(summary_.before, out_.models[out_.kept].outcome, summary_.after);
    return std::move(out_);
  }

 private:
  // Only the best so far is committed.
  void add(double share) {
    PartFolder part(fs::path(config_.train.output_dir) / kInterpolatedFolder, PartFolder::Existing::replace);
    write_interpolant(config_, summary_.saved, share, part.dir());
    out_.models.push_back({.share = share, .outcome = measured(config_, sets_, part.dir())});
    const EvalOutcome& o = out_.models.back().outcome;
    info("interpolate {:g}: domain loss {:.4f}, general loss {:.4f}", share, *o.domain, *o.general);
    out_.kept = best_interpolant(summary_.before, out_.models, config_.protection.interpolate_least_gain);
    if (out_.kept + 1 == out_.models.size()) part.commit();
  }

  const RunConfig& config_;
  const EvalSets& sets_;
  const TrainSummary& summary_;
  Interpolation out_;
};

}  // namespace

std::string Interpolation::sentence() const {
  if (models.empty()) return {};
  const Interpolant &best = models[kept], &trained = models.front();
  if (kept == 0) return " No mixture with the model as it was is better than the trained one.";
  return fmt::format(
      " Interpolated: {:g} of the way keeps {:.1f} % of the domain gain, at a general loss of {:.4f} instead "
      "of {:.4f}.",
      best.share, 100 * gain_kept, *best.outcome.general, *trained.outcome.general);
}

Json Interpolation::table() const {
  Json rows = Json::array();
  for (size_t i = 0; i < models.size(); ++i) {
    const EvalOutcome& o = models[i].outcome;
    rows.push_back({fmt::format("{:g}{}", models[i].share, i == kept ? " (kept)" : ""),
                    fmt::format("{:.4f}", *o.domain), fmt::format("{:.4f}", *o.general),
                    o.kl ? fmt::format("{:.4f}", *o.kl) : "–"});
  }
  return {{"title", "Between the model as it was (0) and as it was trained (1)"},
          {"columns", {"share of the way", "domain, loss per token", "general, loss per token", "KL"}},
          {"rows", rows}};
}

Interpolation interpolate(const RunConfig& config, const EvalSets& sets, const TrainSummary& summary) {
  return Sweep(config, sets, summary).run();
}

fs::path saved_model(const fs::path& run_dir) {
  return run_dir / (fs::exists(run_dir / kInterpolatedFolder) ? kInterpolatedFolder : "model");
}

}  // namespace keel
