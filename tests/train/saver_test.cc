// What is written beside the training is what would have been written at once.
#include "train/saver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "app/program.h"
#include "base/error.h"
#include "checkpoint/run_state.h"
#include "support/error_of.h"
#include "train/tiny.h"

namespace keel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class SaverTest : public testing::Test {
 protected:
  SaverTest() {
    make_folders(dir_ / "model");
    test::make_tiny_chat_model(dir_ / "model");
  }

  void load(const std::string& precision, const std::string& type = "full") {
    model_ = load_chat_model({.model = {.model_name_or_path = (dir_ / "model").string(),
                                        .finetuning_type = type,
                                        .precision = precision},
                              .train = true});
    optimiser_.emplace(test::trained(*model_->lm), OptimOptions{});
    train_on(1);
  }

  void store_model_as(at::ScalarType type) const {
    TensorMap weights = load_safetensors(dir_ / "model/model.safetensors");
    for (auto& [name, value] : weights) value = value.to(type);
    save_safetensors(dir_ / "model/model.safetensors", weights);
  }

  // Other weights and moments than before.
  void train_on(uint64_t seed) {
    at::manual_seed(seed);
    for (const OptimParameter& p : test::trained(*model_->lm)) {
      at::Tensor leaf = p.tensor;
      leaf.mutable_grad() = at::randn(leaf.sizes());
    }
    optimiser_->step(1e-2);
  }

  Saver saver(const std::string& run, bool beside) const {
    return Saver(*model_, *optimiser_, dir_ / run, beside);
  }

  std::map<std::string, std::string> files(const std::string& run) const {
    std::map<std::string, std::string> out;
    for (const fs::path& file : list_files(dir_ / run))
      out[file.lexically_relative(dir_ / run).string()] = read_text(file);
    return out;
  }

  // Two saves, so that the second finds the copies of the first.
  void expect_the_same_files() {
    Saver at_once = saver("at-once", false), beside = saver("beside", true);
    for (int64_t step = 1; step <= 2; ++step) {
      at_once.start_checkpoint(step, {{"step", step}}, 5);
      beside.start_checkpoint(step, {{"step", step}}, 5);
      train_on(static_cast<uint64_t>(step) + 1);
    }
    beside.wait();
    const auto expected = files("at-once");
    EXPECT_EQ(expected.count("checkpoints/step-000002/optimizer.safetensors"), 1U);
    EXPECT_NE(expected.at("checkpoints/step-000001/optimizer.safetensors"),
              expected.at("checkpoints/step-000002/optimizer.safetensors"));
    EXPECT_TRUE(files("beside") == expected);
  }

  test::TempDir dir_;
  std::optional<ChatModel> model_;
  std::optional<AdamW> optimiser_;
};

TEST_F(SaverTest, ACheckpointBesideTheTrainingHoldsTheBitsOfItsStep) {
  load("fp32");
  expect_the_same_files();
}

TEST_F(SaverTest, SoDoesOneOfAModelOfAnotherType) {
  store_model_as(at::kBFloat16);
  load("bf16");
  expect_the_same_files();
}

// Which rounding to the nearest, behind the training, would not give.
TEST_F(SaverTest, AModelTrainedInBfloat16IsSavedAsItComputes) {
  store_model_as(at::kBFloat16);
  load("bf16");
  saver("run", false).weights("saved");
  const TensorMap saved = load_safetensors(dir_ / "run/saved/model.safetensors");
  for (const OptimParameter& p : test::trained(*model_->lm))
    EXPECT_TRUE(at::equal(saved.at(p.name), p.tensor.detach())) << p.name;
}

TEST_F(SaverTest, SoDoesOneOfAnAdapter) {
  load("fp32", "lora");
  expect_the_same_files();
}

TEST_F(SaverTest, AnErrorIsThatOfASaveAtOnceAndReachesWhoeverAsksNext) {
  load("fp32");
  write_file(dir_ / "run/checkpoints", "a file in the way");
  Saver at_once = saver("run", false), beside = saver("run", true);
  const std::string expected = test::error_of([&] { at_once.start_checkpoint(1, {}, 2); });
  EXPECT_THAT(expected, HasSubstr("step-000001.part: cannot be removed: Not a directory"));

  beside.start_checkpoint(1, {}, 2);
  std::optional<UserError> found;
  while (!found) found = test::refusal_of([&] { beside.check(); });
  EXPECT_EQ(found->what(), expected);

  const std::vector<std::function<void()>> askers{[&] { beside.wait(); },
                                                  [&] { beside.start_checkpoint(2, {}, 2); },
                                                  [&] { beside.checkpoint(2, {}, 2); },
                                                  [&] { beside.weights("model"); },
                                                  [&] { beside.link("best", "model"); },
                                                  [&] { beside.prune(1, 2); }};
  for (const auto& ask : askers) {
    beside.start_checkpoint(1, {}, 2);
    EXPECT_EQ(test::error_of(ask), expected);
  }
  EXPECT_FALSE(fs::exists(dir_ / "run/model"));
  beside.wait();  // each error comes once
}

TEST_F(SaverTest, CheckpointsBesideTheTrainingArePruned) {
  load("fp32");
  Saver beside = saver("run", true);
  for (int64_t step = 1; step <= 5; ++step) beside.start_checkpoint(step, {}, 2);
  beside.wait();
  std::vector<std::string> found;
  for (const CheckpointEntry& c : list_checkpoints(dir_ / "run/checkpoints"))
    found.push_back(fmt::format("{} {}", c.step, c.resumable));
  EXPECT_THAT(found, ElementsAre("3 false", "4 true", "5 true"));
}

TEST(TensorCopies, TheirMemoryIsKeptAndHoldsTheValuesOfTheLastCall) {
  TensorCopies copies;
  at::Tensor values = at::arange(6).to(at::kFloat);
  const at::Tensor first = copies.take({{"a", values}}).at("a");
  values.fill_(7);
  EXPECT_EQ(first[1].item<float>(), 1);
  const at::Tensor second = copies.take({{"a", values}}).at("a");
  EXPECT_EQ(second.data_ptr(), first.data_ptr());
  EXPECT_EQ(second[1].item<float>(), 7);
}

TEST(TensorCopies, MoreThanTheFreeMemoryDoesNotFit) {
  const auto bytes = [](int64_t n) {
    return TensorMap{{"a", at::empty({n}, at::TensorOptions(at::kByte).device(at::kMeta))}};
  };
  EXPECT_TRUE(TensorCopies().fit(bytes(1000)));
  EXPECT_FALSE(TensorCopies().fit(bytes(int64_t{1} << 50)));
}

}  // namespace
}  // namespace keel
