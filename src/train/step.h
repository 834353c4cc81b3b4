// One optimiser step: forward and backward over its micro-batches, one denominator for all of them, clip,
// update.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "data/batch.h"
#include "loss/loss.h"
#include "loss/teacher.h"
#include "model/model.h"
#include "optim/adamw.h"
#include "train/prefix.h"
#include "train/reference.h"
#include "train/replay.h"

namespace keel {

struct StepOptions {
  LossOptions loss;
  std::vector<LossOptions> loss_by_source;  // one a dataset; empty: `loss` for all
  double max_grad_norm = 1.0;
  bool mean_over_nonzero = false;  // ytrainer_compat: divide by the tokens whose weighted loss is not zero
  int64_t recomputed_blocks = 0;   // of the model, in the backward pass
  double kl_replay = 0;            // weight of the divergence per replayed token
  Teaching teaching;
};

// Models beside the one that is trained, where the options ask for them. They outlive the step.
struct StepReferences {
  Reference* weighting = nullptr;  // whose reference_nll the token weighting looks at
  Reference* start = nullptr;      // as it was before training: teaches where there is no teacher
  CausalLM* teacher = nullptr;
};

struct StepOutcome {
  double loss = 0;       // weighted sum / denominator
  double nll = 0;        // plain mean over the supervised tokens
  double entropy = 0;    // mean
  double weight = 0;     // mean token weighting
  double grad_norm = 0;  // before clipping
  double denominator = 0;
  int64_t tokens = 0, supervised = 0;    // of the training rows; without what an earlier window computed
  std::optional<double> kl;              // mean over the replayed tokens; absent where none is replayed
  std::optional<double> teacher_kl;      // mean over the supervised tokens; absent without a teacher
  std::optional<PrefixDistance> prefix;  // of a cached prefix, where it was to be measured and is finite
  at::Tensor nll_N;                      // of all supervised tokens of the step
  LossZones zones;                       // of these
  bool updated = false;                  // the weights were

  bool finite() const;
};

struct StepRates {
  double learning_rate = 0;
  double beta2_power = 1;
  uint64_t dropout_key = 0;
  bool against_exact = false;  // measure StepOutcome::prefix: one exact pass over the only micro-batch more
};

class Step {
 public:
  Step(CausalLM& model, AdamW& optimiser, StepOptions options, StepReferences references = {})
      : model_(model), optimiser_(optimiser), options_(std::move(options)), references_(references) {}

  using Judge = std::function<bool(const StepOutcome&)>;

  // Throws UserError when no token of the step is trained. Weights and moments stay as they were when loss or
  // gradient norm is not finite, and when `accepts`, asked about a finite outcome before its update, says no.
  StepOutcome run(std::span<const Batch> micro, const StepRates& rates, const Judge& accepts = {},
                  std::span<const ReplayBatch> replay = {});

  // What is not finite when this batch is a step of its own ("loss NaN", "gradient norm infinite"); empty:
  // nothing is. Changes no weight.
  std::string fault_of(const Batch& batch, uint64_t dropout_key);

 private:
  struct Parts;  // per-token values of the micro-batches so far
  static double nonzero_losses(const Parts& parts);
  at::Tensor hidden(const Batch& batch, uint64_t dropout_key);  // of the rows that carry loss
  at::Tensor loss_of(LossInput in, const at::Tensor& turn_N, const TeacherRows& teacher,
                     const LossOptions& options, Parts& parts) const;
  TeacherRows teacher_of(const Batch& batch) const;
  at::Tensor forward(const Batch& batch, uint64_t dropout_key, Parts& parts);
  double add_gradients(const at::Tensor& loss);
  WindowPass exact_pass(Batch window, uint64_t dropout_key);
  double add_replay(std::span<const ReplayBatch> replay, uint64_t dropout_key);

  CausalLM& model_;
  AdamW& optimiser_;
  StepOptions options_;
  StepReferences references_;
  std::optional<PrefixCache> prefix_;  // from the first window that goes on behind one
};

}  // namespace keel
