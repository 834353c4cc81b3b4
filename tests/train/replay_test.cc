#include "train/replay.h"

#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/fs.h"
#include "checkpoint/tensors.h"
#include "support/error_of.h"
#include "train/step.h"
#include "train/tiny.h"

namespace keel::test {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kKept = 8;

ReplaySet remembered(const Tiny& tiny) { return make_replay_set(*tiny.model, tiny.examples, kKept, 1000); }

void disturb(CausalLM& model) {
  const at::NoGradGuard no_grad;
  for (const Parameter& p : model.parameters()) at::Tensor(p.tensor).mul_(1.2);
}

fs::path scratch(const std::string& name) { return fs::path(::testing::TempDir()) / ("keel_" + name); }

TEST(Replay, AModelHasNotMovedFromItselfAndHasAfterAChange) {
  const Tiny tiny("llama");
  const ReplaySet set = remembered(tiny);
  ASSERT_GT(set.replayed(), 0);
  EXPECT_NEAR(divergence_over(*tiny.model, set), 0, 1e-5);
  disturb(*tiny.model);
  EXPECT_GT(divergence_over(*tiny.model, set), 1e-3);
}

TEST(Replay, ASetComesBackFromItsFile) {
  const Tiny tiny("llama");
  const ReplaySet set = remembered(tiny);
  const fs::path file = scratch("replay.safetensors");
  save_replay_set(file, set);
  const ReplaySet back = load_replay_set(file, *tiny.model);
  ASSERT_EQ(back.examples.size(), set.examples.size());
  for (size_t i = 0; i < set.examples.size(); ++i) {
    EXPECT_EQ(back.examples[i].ids, set.examples[i].ids);
    EXPECT_EQ(back.examples[i].weight, set.examples[i].weight);
    EXPECT_TRUE(at::equal(back.targets[i].ids_NK, set.targets[i].ids_NK));
    EXPECT_TRUE(at::equal(back.targets[i].log_p_NK, set.targets[i].log_p_NK));
  }
}

TEST(Replay, TheFileOfAnotherModelIsRefused) {
  const Tiny tiny("llama");
  const fs::path file = scratch("replay_of_another.safetensors");
  save_replay_set(file, remembered(tiny));
  disturb(*tiny.model);
  const std::string text = error_of([&] { load_replay_set(file, *tiny.model); });
  EXPECT_THAT(text, HasSubstr("replay_of_another.safetensors: it was written for another model (KL "));
  EXPECT_THAT(text, HasSubstr("wanted: a file that keel wrote for kl_replay"));
  EXPECT_THAT(text, HasSubstr("leave kl_replay_path out, and the model writes its text anew"));
}

TEST(Replay, OtherFilesAreRefused) {
  const Tiny tiny("llama");
  const fs::path file = scratch("no_replay.safetensors");
  save_safetensors(file, {{"ids", at::zeros({3}, at::kInt)}});
  EXPECT_THAT(error_of([&] { load_replay_set(file, *tiny.model); }), HasSubstr("another kind of file"));
  save_safetensors(file, {{"ids", at::zeros({3}, at::kInt)}}, {{"format", "keel-replay"}});
  EXPECT_THAT(error_of([&] { load_replay_set(file, *tiny.model); }),
              HasSubstr("its parts do not fit together"));
}

TEST(Replay, AnUpdateDrawsEachExampleOnceAndEnoughTokens) {
  const Tiny tiny("llama");
  const ReplaySet set = remembered(tiny);
  const Replay replay(set, 3);
  int64_t all = 0;
  for (const Example& e : set.examples) all += e.size();
  for (const int64_t tokens : {int64_t{1}, all / 2, all, 10 * all}) {
    std::set<const Example*> drawn;
    int64_t held = 0;
    for (const ReplayBatch& part : replay.batches(7, tokens, 20)) {
      EXPECT_TRUE(part.batch.tokens() <= 20 || part.batch.examples.size() == 1);
      EXPECT_EQ(part.target.ids_NK.size(0), part.batch.supervised());
      for (const Example* e : part.batch.examples) EXPECT_TRUE(drawn.insert(e).second);
      held += part.batch.tokens();
    }
    EXPECT_GE(held, std::min(tokens, all));
  }
}

std::vector<const Example*> drawn_for(const Replay& replay, uint64_t update) {
  return replay.batches(update, 1, 1000).front().batch.examples;
}

TEST(Replay, WhatIsDrawnIsAFunctionOfSeedAndUpdate) {
  const Tiny tiny("llama");
  const ReplaySet set = remembered(tiny);
  EXPECT_EQ(drawn_for(Replay(set, 3), 7), drawn_for(Replay(set, 3), 7));
  std::set<const Example*> over_time;
  for (uint64_t update = 0; update < 40; ++update)
    over_time.insert(drawn_for(Replay(set, 3), update).front());
  EXPECT_EQ(over_time.size(), set.examples.size()) << "no example may be left out for ever";
}

TEST(Replay, HalvesShareNothingAndHoldEverything) {
  const Tiny tiny("llama");
  ReplaySet set = remembered(tiny);
  while (set.examples.size() < 17) {
    set.examples.push_back(set.examples.front());
    set.targets.push_back(set.targets.front());
  }
  const int64_t all = set.replayed();
  const ReplayHalves halves = split_replay_set(std::move(set));
  EXPECT_EQ(halves.held_out.examples.size(), 2U);
  EXPECT_EQ(halves.trained.replayed() + halves.held_out.replayed(), all);
  const ReplayHalves few = split_replay_set(remembered(tiny));
  EXPECT_EQ(few.held_out.examples.size(), 1U);
  EXPECT_EQ(few.trained.examples.size(), tiny.examples.size() - 1);
}

// Ten steps on one sample. What the model says of the others moves less where that is replayed.
double moved_after_training(double kl_replay) {
  const Tiny tiny("llama");
  const ReplaySet set = remembered(tiny);
  AdamW adamw(trained(*tiny.model), {.learning_rate = 1e-2});
  Step step(*tiny.model, adamw, {.loss = {.token_weighting = "none"}, .kl_replay = kl_replay});
  const Batch batch = tiny.batch({0});
  const Replay replay(set, 5);
  for (uint64_t update = 0; update < 10; ++update) {
    const auto parts = kl_replay > 0 ? replay.batches(update, 100, 1000) : std::vector<ReplayBatch>();
    const StepOutcome out = step.run(std::span(&batch, 1), {.learning_rate = 1e-2}, {}, parts);
    EXPECT_EQ(out.kl.has_value(), kl_replay > 0);
  }
  return divergence_over(*tiny.model, set);
}

TEST(Replay, HoldsTheModelWhereItWas) {
  const double free = moved_after_training(0), held = moved_after_training(10);
  EXPECT_LT(held, 0.5 * free) << free;
}

// How replayed text is packed changes nothing but the rounding of fp32.
TEST(Replay, PackingChangesNoGradient) {
  const auto weights_after = [](int64_t pack_tokens) {
    const Tiny tiny("llama");
    const ReplaySet set = remembered(tiny);
    disturb(*tiny.model);
    AdamW adamw(trained(*tiny.model), {});
    Step step(*tiny.model, adamw, {.loss = {.token_weighting = "none"}, .kl_replay = 2});
    const Batch batch = tiny.batch({0});
    const auto parts = Replay(set, 5).batches(0, 1000, pack_tokens);
    const StepOutcome out = step.run(std::span(&batch, 1), {}, {}, parts);
    return std::pair(out.grad_norm, *out.kl);
  };
  const auto [norm, kl] = weights_after(1000);
  const auto [norm_apart, kl_apart] = weights_after(1);
  EXPECT_NEAR(norm, norm_apart, 1e-4 * norm);
  EXPECT_NEAR(kl, kl_apart, 1e-4 * kl);
}

}  // namespace
}  // namespace keel::test
