#include "experiment/compute.h"

#include "loss/registry.h"

namespace keel {

double passes_per_token(const RunConfig& config) {
  const ProtectionOptions& protection = config.protection;
  const double trained = config.model.finetuning_type == "lora" ? 2 : 3;
  double passes = trained;
  if (protection.kl_replay > 0) passes += trained * protection.kl_replay_ratio;
  if (reference_asked(config.loss, {}) != ReferenceModel::none) passes += 1;
  if (protection.kl_train > 0) passes += 1;
  return passes;
}

}  // namespace keel
