#include "train/reference.h"

#include <ATen/core/grad_mode.h>

#include <utility>

#include "base/error.h"

namespace keel {

// While it lives, the model's trained tensors are the kept ones.
class Reference::Exchange {
 public:
  explicit Exchange(std::vector<Kept>& kept) : kept_(kept) { swap(); }
  ~Exchange() { swap(); }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

 private:
  void swap() {
    for (Kept& k : kept_) {
      const at::Tensor now = k.leaf.detach();
      k.leaf.set_data(k.value);
      k.value = now;
    }
  }

  std::vector<Kept>& kept_;
};

Reference::Reference(CausalLM& model) : model_(model) {
  for (const Parameter& p : model.parameters()) {
    if (p.tensor.requires_grad())
      kept_.push_back({.name = p.name, .leaf = p.tensor, .value = p.tensor.detach().clone()});
  }
}

void Reference::refresh() {
  const at::NoGradGuard no_grad;
  for (Kept& k : kept_) k.value.copy_(k.leaf);
}

TeacherRows Reference::rows(const Batch& batch) {
  const Exchange exchange(kept_);
  TeacherRows out = teacher_rows(model_, batch);
  out.head_VD = out.head_VD.detach();  // its memory, whose place the model's own takes again
  return out;
}

at::Tensor Reference::nll_N(const Batch& batch, int64_t loss_chunk) {
  const at::NoGradGuard no_grad;
  const TeacherRows rows = this->rows(batch);
  const LossOptions plain{.token_weighting = "none", .loss_chunk = loss_chunk};
  return weighted_cross_entropy(loss_input(batch, rows.hidden_ND, rows.head_VD), plain).nll_N;
}

std::map<std::string, at::Tensor> Reference::state() const {
  std::map<std::string, at::Tensor> out;
  for (const Kept& k : kept_) out["reference." + k.name] = k.value;
  return out;
}

void Reference::load_state(const std::map<std::string, at::Tensor>& state) {
  const at::NoGradGuard no_grad;
  for (const Kept& k : kept_) {
    const auto found = state.find("reference." + k.name);
    if (found == state.end() || found->second.sizes() != k.value.sizes())
      throw UserError({.where = "reference model of the run",
                       .found = "no tensor reference." + k.name + " of its shape",
                       .wanted = "the checkpoint of a run with the same model and token_weighting",
                       .hint = "resume with the model and tuning options of that run"});
  }
  for (Kept& k : kept_) k.value.copy_(state.at("reference." + k.name));
}

LossInput loss_input(const Batch& batch, const at::Tensor& hidden_ND, const at::Tensor& head_VD) {
  return {.hidden_ND = hidden_ND,
          .head_VD = head_VD,
          .labels_N = batch.labels_N,
          .coefficient_N = batch.coefficient_N,
          .end_of_turn_N = batch.end_of_turn_N};
}

TeacherRows teacher_rows(CausalLM& teacher, const Batch& batch) {
  const at::NoGradGuard no_grad;
  const at::Tensor hidden_TD = teacher.forward({.ids_T = batch.ids_T, .offsets = batch.offsets}, {});
  return {.hidden_ND = hidden_TD.index_select(0, batch.rows_N.to(hidden_TD.device())),
          .head_VD = teacher.head_VD()};
}

}  // namespace keel
