#include "checkpoint/run_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/fs.h"
#include "checkpoint/adapter_folder.h"
#include "support/error_of.h"
#include "support/paths.h"

namespace keel {
namespace {

using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> names_in(const fs::path& root) {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(root)) out.push_back(entry.path().filename().string());
  std::sort(out.begin(), out.end());
  return out;
}

void make_checkpoint(const fs::path& root, int64_t step) {
  write_run_state(root / checkpoint_name(step),
                  {.trainer = {{"step", step}}, .optimizer = {{"m", at::ones({2})}}});
}

TEST(RunState, ReadsWhatItWrote) {
  const test::TempDir temp;
  const RunState state{.trainer = {{"step", 7}, {"best", 0.1}}, .optimizer = {{"m.a", at::rand({3, 2})}}};
  write_run_state(temp / "c", state);
  const RunState found = read_run_state(temp / "c");
  EXPECT_EQ(found.trainer, state.trainer);
  EXPECT_TRUE(found.optimizer.at("m.a").equal(state.optimizer.at("m.a")));
}

TEST(RunState, IncompleteCheckpointIsRefused) {
  const test::TempDir temp;
  make_checkpoint(temp.path(), 1);
  fs::remove(temp / "step-000001/optimizer.safetensors");
  EXPECT_EQ(error_of([&] { read_run_state(temp / "step-000001"); }),
            (temp / "step-000001").string() +
                ": no optimizer.safetensors\n  wanted: a checkpoint of a run\n"
                "  try:    name a folder such as RUN/checkpoints/step-000100");
  EXPECT_TRUE(list_checkpoints(temp.path()).empty());
}

TEST(RunState, ListsByStepNotByName) {
  const test::TempDir temp;
  for (const int64_t step : {1'000'000, 999'999, 20}) make_checkpoint(temp.path(), step);
  fs::create_directories(temp / "step-12x");
  fs::create_directories(temp / "other");
  std::vector<int64_t> steps;
  for (const CheckpointEntry& entry : list_checkpoints(temp.path())) steps.push_back(entry.step);
  EXPECT_THAT(steps, ElementsAre(20, 999'999, 1'000'000));
  EXPECT_TRUE(list_checkpoints(temp / "absent").empty());
}

TEST(RunState, PruneKeepsNewestWantedAndProtected) {
  const test::TempDir temp;
  for (const int64_t step : {10, 20, 30, 40, 50}) make_checkpoint(temp.path(), step);
  fs::create_directories(temp / "step-000060.part");  // a kill left it
  fs::create_directories(temp / "samples");
  prune_checkpoints(temp.path(), 1, {"step-000020"});
  EXPECT_THAT(names_in(temp.path()), ElementsAre("samples", "step-000020", "step-000040", "step-000050"));
  prune_checkpoints(temp.path(), 0);
  EXPECT_THAT(names_in(temp.path()), ElementsAre("samples", "step-000050"));
  prune_checkpoints(temp / "absent", 0);
}

TEST(AdapterFolder, RoundTrip) {
  const test::TempDir temp;
  const TensorMap tensors{{"base_model.model.a.lora_A.weight", at::rand({2, 3})}};
  save_adapter(temp / "a", {{"peft_type", "LORA"}, {"r", 2}}, tensors);
  const AdapterFolder folder = AdapterFolder::open((temp / "a").string());
  EXPECT_EQ(folder.config["r"], 2);
  EXPECT_TRUE(folder.tensors().begin()->second.equal(tensors.begin()->second));
}

TEST(AdapterFolder, ErrorsSayWhatIsThere) {
  const test::TempDir temp;
  const auto open = [&](const char* name) { return AdapterFolder::open((temp / name).string()); };
  write_file(temp / "model/config.json", "{}");
  EXPECT_EQ(error_of([&] { open("model"); }),
            (temp / "model").string() +
                ": no adapter_config.json\n  wanted: a LoRA adapter's folder\n"
                "  try:    this is a whole model: name it as model_name_or_path");
  write_file(temp / "prefix/adapter_config.json", R"({"peft_type":"PREFIX_TUNING"})");
  EXPECT_THAT(error_of([&] { open("prefix"); }),
              HasSubstr("an adapter of type \"PREFIX_TUNING\"\n  wanted: \"LORA\""));
  write_file(temp / "bin/adapter_config.json", "{}");
  EXPECT_THAT(error_of([&] { open("bin").tensors(); }), HasSubstr(": no adapter_model.safetensors\n"));
  write_file(temp / "bin/adapter_model.bin", "x");
  EXPECT_THAT(error_of([&] { open("bin").tensors(); }),
              HasSubstr("only pickled weights (adapter_model.bin)"));
  EXPECT_THAT(error_of([&] { open("absent/x/y"); }), HasSubstr("adapter_name_or_path: "));
}

}  // namespace
}  // namespace keel
