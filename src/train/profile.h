// Where the time of training steps goes, by kind of work: what libtorch's record functions and the scopes of
// this program (RECORD_USER_SCOPE("keel::…")) tell, each moment counted once, for the innermost kind.
//
//   keel::model      forward and backward; matrix products in it are counted apart, what is left of it
//                    (norms, rotation, SwiGLU, residuals, memory, autograd) is `elementwise`
//   keel::attention  scores, softmax and values, both ways    keel::head   logits, loss, their gradients
//   keel::optimiser  clipping and update                      keel::data   rows read and packed
//   keel::aside      evaluation and saving: not counted
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "data/batch.h"

namespace keel {

enum class Work { kRest, kProducts, kAttention, kHead, kElementwise, kOptimiser, kData, kAside };
inline constexpr std::array kWorkNames{"rest",        "products",  "attention", "head",
                                       "elementwise", "optimiser", "data",      "aside"};

// Counts on the thread that made it, from then to its end; one at a time. On a GPU it would count how long it
// takes to hand out the work, so it is for the CPU.
class StepProfile {
 public:
  StepProfile();
  ~StepProfile();
  StepProfile(const StepProfile&) = delete;
  StepProfile& operator=(const StepProfile&) = delete;

  // The micro-batches of a step that begins; the first kWarmUp steps are forgotten when the next one begins.
  void begin_step(std::span<const Batch> micro);
  static constexpr int64_t kWarmUp = 2;

  struct Totals {
    std::array<double, kWorkNames.size()> seconds{};
    int64_t steps = 0, tokens = 0, supervised = 0;
    int64_t pairs = 0;           // of a query and a key that it sees, windows of attention aside
    double all_seconds() const;  // `aside` left out
  };
  Totals totals() const;

  // For the recording of libtorch.
  void enter(const char* name);
  void leave();

 private:
  void count();  // the time since the last call, for the innermost kind

  Stopwatch clock_;
  double counted_ = 0;
  std::vector<Work> stack_;
  Totals totals_;
  int64_t begun_ = 0;
  uint64_t handle_ = 0;
};

// What profile.json of a run folder holds: the totals, each kind as seconds, and speeds.
Json to_json(const StepProfile::Totals& totals);

// "products 61 %, attention 9 %, …", the largest first.
std::string in_words(const StepProfile::Totals& totals);

}  // namespace keel
