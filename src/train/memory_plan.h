// What a run will hold in memory, told and compared with the free memory before its first step.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "train/trainer.h"

namespace keel {

// Bytes. An estimate: what libtorch holds for a moment inside an operator is left out.
struct MemoryPlan {
  int64_t held = 0;       // by the process before training: weights, rows, libraries
  int64_t optimiser = 0;  // moments, and masters of weights in a lower type
  int64_t gradients = 0;
  int64_t copies = 0;  // of the trained weights, for what pulls or compares them (l2_sp, ewc, kl_train, …)
  int64_t pass = 0;    // what the largest forward pass leaves for its backward pass, and that pass's own
  int64_t head = 0;    // logits and their gradients, a chunk at a time
  int64_t tokens = 0;  // of that largest pass

  int64_t more() const { return optimiser + gradients + copies + pass + head; }
  int64_t total() const { return held + more(); }
};

// A way to run the job. lora: adapters in place of all weights, whose own size is left out.
struct MemoryWay {
  int64_t recomputed_blocks = 0;
  int64_t batch = 1;
  bool lora = false;
};

// Tokens of the largest forward pass: samples are packed up to pack_tokens, a longer one goes alone.
int64_t largest_pass(std::vector<int64_t> lengths, int64_t batch, int64_t pack_tokens);

// held: bytes of the process as it is now.
MemoryPlan memory_plan(const TrainJob& job, const MemoryWay& way, int64_t held);

struct PlannedWay {
  std::string options;  // as a user would write them
  MemoryPlan plan;
};

// UserError where the run as planned needs clearly more (a tenth) than `free`; its hint is the first of
// `other_ways` that fits. Warns where it is close. They are asked for only then.
void check_memory(const MemoryPlan& plan, const std::function<std::vector<PlannedWay>()>& other_ways,
                  int64_t free);

// Tells the plan and checks it (on a CPU). Returns how many blocks are computed again in the backward pass:
// what the job says, or as many more as it takes for the plan to keep max_memory.
int64_t settle_recomputation(const TrainJob& job);

}  // namespace keel
