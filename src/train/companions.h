// The models that a run keeps beside the one it trains, as its options ask for them, and what pulls the
// weights to where they began.
#pragma once

#include <optional>

#include "train/reference.h"
#include "train/step.h"
#include "train/trainer.h"

namespace keel {

class Companions {
 public:
  // Before a resumed run takes over its weights: what the model holds now is its start. The Fisher
  // information of ewc is computed here, in about the time of training once on the replay text.
  Companions(const TrainJob& job, AdamW& optimiser);

  StepReferences references();
  const Reference* recent() const { return recent_ ? &*recent_ : nullptr; }
  void load_state(const std::map<std::string, at::Tensor>& state);
  void after_update(uint64_t updates);  // of the run so far

 private:
  CausalLM* teacher_;
  int64_t refresh_;
  std::optional<Reference> start_, recent_;
  bool weighting_by_start_ = false;
};

// What the options of a run say of teaching.
Teaching teaching_of(const ProtectionOptions& options);

}  // namespace keel
