#include "train/companions.h"

#include <torch/csrc/autograd/autograd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "loss/registry.h"

namespace keel {
namespace {

// F per token of the replay text: the squared gradient of each text's loss, divided by all tokens. The labels
// are the model's own samples, so the mixed terms of a text's tokens have the mean 0.
void sum_fisher(CausalLM& model, AdamW& optimiser, const ReplaySet& texts) {
  const Stopwatch clock;
  const double share = 1 / static_cast<double>(texts.replayed());
  const LossOptions plain{.token_weighting = "none"};
  for (const Example& text : texts.examples) {
    const Example* const one[] = {&text};
    const Batch batch = make_batch(one, "token");
    const at::Tensor hidden_TD = model.forward({.ids_T = batch.ids_T, .offsets = batch.offsets}, {});
    const at::Tensor hidden_ND = hidden_TD.index_select(0, batch.rows_N.to(hidden_TD.device()));
    const LossResult loss = weighted_cross_entropy(loss_input(batch, hidden_ND, model.head_VD()), plain);
    torch::autograd::backward({loss.sum}, {});
    optimiser.add_to_fisher(share);
  }
  info("ewc: Fisher information of {} tokens in {}", texts.replayed(), format_duration(clock.seconds()));
}

}  // namespace

Teaching teaching_of(const ProtectionOptions& o) {
  if (o.distill)
    return {.label = o.coefficient_of_origin_loss, .cross_entropy = 1 - o.coefficient_of_origin_loss};
  return {.divergence = o.kl_train};
}

Companions::Companions(const TrainJob& job, AdamW& optimiser)
    : teacher_(job.teacher), refresh_(job.loss.psft_refresh) {
  const ReferenceModel asked = reference_asked(job.loss, job.loss_by_source);
  weighting_by_start_ = asked == ReferenceModel::start;
  CausalLM& model = *job.model.lm;
  if (weighting_by_start_ || (teaching_of(job.protection).any() && !teacher_)) start_.emplace(model);
  if (asked == ReferenceModel::recent) recent_.emplace(model);
  const double l2_sp = job.protection.l2_sp, ewc = job.protection.ewc;
  if (l2_sp > 0 || ewc > 0) optimiser.anchor(l2_sp, ewc);
  if (ewc == 0) return;
  KEEL_CHECK(job.replay != nullptr, "ewc has text to take its Fisher information from");
  sum_fisher(model, optimiser, *job.replay);
}

StepReferences Companions::references() {
  Reference* const start = start_ ? &*start_ : nullptr;
  Reference* const recent = recent_ ? &*recent_ : nullptr;
  return {.weighting = weighting_by_start_ ? start : recent, .start = start, .teacher = teacher_};
}

void Companions::load_state(const std::map<std::string, at::Tensor>& state) {
  if (recent_) recent_->load_state(state);
}

void Companions::after_update(uint64_t updates) {
  if (recent_ && updates % static_cast<uint64_t>(refresh_) == 0) recent_->refresh();
}

}  // namespace keel
