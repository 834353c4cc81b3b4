// The model as it was at some moment, beside the model as it is. Only what is trained is kept twice; for a
// reference pass the two change places.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "data/batch.h"
#include "loss/teacher.h"
#include "model/model.h"

namespace keel {

class Reference {
 public:
  explicit Reference(CausalLM& model);  // as it is now

  void refresh();  // from now on: the model as it is now

  // Without dropout. No gradient may be waiting to be computed.
  TeacherRows rows(const Batch& batch);                      // of the batch's supervised rows
  at::Tensor nll_N(const Batch& batch, int64_t loss_chunk);  // −ln p of its labels; float32 on the CPU

  // "reference.<name>": its tensors, not copies of them. load_state: UserError where one is missing or has
  // another shape.
  std::map<std::string, at::Tensor> state() const;
  void load_state(const std::map<std::string, at::Tensor>& state);

 private:
  struct Kept {
    std::string name;
    at::Tensor leaf, value;
  };
  class Exchange;

  CausalLM& model_;
  std::vector<Kept> kept_;
};

// A batch's supervised rows for the loss.
LossInput loss_input(const Batch& batch, const at::Tensor& hidden_ND, const at::Tensor& head_VD);

// What any model says at the supervised rows of a batch.
TeacherRows teacher_rows(CausalLM& teacher, const Batch& batch);

}  // namespace keel
