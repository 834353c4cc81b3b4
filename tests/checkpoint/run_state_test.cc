#include "checkpoint/run_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/fs.h"
#include "base/hash.h"
#include "checkpoint/adapter_folder.h"
#include "checkpoint/checksums.h"
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
  const fs::path dir = root / checkpoint_name(step);
  write_run_state(dir, {.trainer = {{"step", step}}, .optimizer = {{"m", at::ones({2})}}});
  save_safetensors(dir / "model.safetensors", {{"w", at::ones({3})}});
  write_checksums(dir);
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
  EXPECT_EQ(error_of([&] { verify_checkpoint(temp / "step-000001"); }),
            (temp / "step-000001").string() +
                ": no optimizer.safetensors: older checkpoints are kept as models only\n"
                "  wanted: one of the 2 newest checkpoints of a run\n"
                "  try:    resume_from_checkpoint: true goes on from the newest");
  fs::remove(temp / "step-000001/trainer_state.json");
  EXPECT_EQ(error_of([&] { read_run_state(temp / "step-000001"); }),
            (temp / "step-000001").string() +
                ": no trainer_state.json\n  wanted: a checkpoint of a run\n"
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

TEST(RunState, PruneKeepsTheNewestAndSomeBeforeIt) {
  const test::TempDir temp;
  for (const int64_t step : {10, 20, 30, 40, 50}) make_checkpoint(temp.path(), step);
  fs::create_directories(temp / "step-000060.part");  // a kill left it
  fs::create_directories(temp / "samples");
  prune_checkpoints(temp.path(), 50, 1);
  EXPECT_THAT(names_in(temp.path()), ElementsAre("samples", "step-000040", "step-000050"));
  prune_checkpoints(temp.path(), 50, 0);
  EXPECT_THAT(names_in(temp.path()), ElementsAre("samples", "step-000050"));
  prune_checkpoints(temp / "absent", 50, 0);
}

// The run passed over damaged checkpoints, or was asked to go on from an earlier one: what it writes now
// counts.
TEST(RunState, PruneRemovesAFutureThatWasGivenUp) {
  const test::TempDir temp;
  for (const int64_t step : {10, 20, 30, 40, 50}) make_checkpoint(temp.path(), step);
  prune_checkpoints(temp.path(), 30, 1);
  EXPECT_THAT(names_in(temp.path()), ElementsAre("step-000020", "step-000030"));
  for (const CheckpointEntry& entry : list_checkpoints(temp.path())) EXPECT_TRUE(entry.resumable);
}

TEST(RunState, OnlyTheTwoNewestKeepTheOptimizer) {
  const test::TempDir temp;
  for (const int64_t step : {10, 20, 30, 40}) make_checkpoint(temp.path(), step);
  prune_checkpoints(temp.path(), 40, 2);
  std::vector<int64_t> steps, resumable;
  for (const CheckpointEntry& entry : list_checkpoints(temp.path())) {
    verify_checksums(entry.dir);
    steps.push_back(entry.step);
    if (entry.resumable) resumable.push_back(entry.step);
  }
  EXPECT_THAT(steps, ElementsAre(20, 30, 40));
  EXPECT_THAT(resumable, ElementsAre(30, 40));
  EXPECT_THAT(names_in(temp / "step-000020"),
              ElementsAre("checksums.json", "model.safetensors", "trainer_state.json"));
}

// A kill between the two steps of giving up the state.
TEST(RunState, AStateThatIsNoLongerListedIsNotResumed) {
  const test::TempDir temp;
  for (const int64_t step : {10, 20, 30}) make_checkpoint(temp.path(), step);
  forget_checksum(temp / "step-000010", "optimizer.safetensors");
  fs::remove_all(temp / "step-000020");
  EXPECT_EQ(newest_good_checkpoint(temp.path())->step, 30);
  fs::remove_all(temp / "step-000030");
  EXPECT_FALSE(newest_good_checkpoint(temp.path()).has_value());
  make_checkpoint(temp.path(), 40);
  make_checkpoint(temp.path(), 50);
  prune_checkpoints(temp.path(), 50, 5);
  EXPECT_FALSE(fs::exists(temp / "step-000010/optimizer.safetensors"));
}

TEST(Checksums, OfWhatIsHeldAreThoseOfTheFiles) {
  const test::TempDir temp;
  const TensorMap held{{"a", at::arange(12).reshape({3, 4}).t()}, {"b", at::ones({5}, at::kHalf)}};
  save_safetensors(temp / "x.safetensors", held);
  save_safetensors(temp / "y.safetensors", {{"c", at::zeros({2})}});
  write_checksums(temp.path());
  const Json read_back = read_json(temp / "checksums.json");
  write_checksums(temp.path(), held);
  EXPECT_EQ(read_json(temp / "checksums.json"), read_back);
  write_checksums(temp.path(), {{"a", at::zeros({3, 4})}});
  EXPECT_THAT(error_of([&] { verify_checksums(temp.path()); }), HasSubstr("x.safetensors, tensor \"a\""));
}

TEST(Checksums, KnowSubFoldersAndNotThemselves) {
  const test::TempDir temp;
  write_file(temp / "a/additional_chat_templates/tool.jinja", "{{ x }}");
  write_checksums(temp / "a");
  write_checksums(temp / "a");  // over an older list
  verify_checksums(temp / "a");
  write_file(temp / "a/additional_chat_templates/tool.jinja", "{{ y }}");
  EXPECT_EQ(error_of([&] { verify_checksums(temp / "a"); }),
            (temp / "a/additional_chat_templates/tool.jinja").string() +
                ": other bytes than were written (its XXH3 differs)");
}

TEST(Checksums, NameTheTensorThatChanged) {
  const test::TempDir temp;
  const fs::path file = temp / "a/model.safetensors";
  make_folders(temp / "a");
  save_safetensors(file, {{"first", at::ones({3})}, {"second", at::ones({2, 2})}, {"none", at::ones({0})}});
  write_checksums(temp / "a");
  verify_checksums(temp / "a");
  const std::string whole = read_text(file);
  const auto error_with = [&](size_t at, char other) {
    std::string changed = whole;
    changed[at] = other;
    write_file(file, changed);
    return error_of([&] { verify_checksums(temp / "a"); });
  };
  const std::string differs = ": other bytes than were written (its XXH3 differs)";
  EXPECT_EQ(error_with(whole.size() - 1, 7), file.string() + ", tensor \"second\"" + differs);
  EXPECT_EQ(error_with(whole.size() - 4 * 4 - 1, 7), file.string() + ", tensor \"first\"" + differs);
  EXPECT_EQ(error_with(whole.find("first"), 'F'), file.string() + ", its header" + differs);
  EXPECT_THAT(error_with(8, '['), HasSubstr(file.string() + ", header: not valid JSON"));
}

// Of an earlier version: one hash for the whole file.
TEST(Checksums, AHashOfTheWholeFileStillCounts) {
  const test::TempDir temp;
  const fs::path file = temp / "a/model.safetensors";
  make_folders(temp / "a");
  save_safetensors(file, {{"w", at::ones({3})}});
  const Json entry{{"bytes", fs::file_size(file)}, {"xxh3", hash_file(file)}};
  write_file(temp / "a/checksums.json", Json{{"model.safetensors", entry}}.dump());
  verify_checksums(temp / "a");
  save_safetensors(file, {{"w", at::zeros({3})}});
  EXPECT_THAT(error_of([&] { verify_checksums(temp / "a"); }), HasSubstr(file.string() + ": other bytes"));
}

TEST(AdapterFolder, RoundTrip) {
  const test::TempDir temp;
  const TensorMap tensors{{"base_model.model.a.lora_A.weight", at::rand({2, 3})}};
  save_adapter(temp / "a", {{"peft_type", "LORA"}, {"r", 2}}, tensors);
  const AdapterFolder folder = AdapterFolder::open((temp / "a").string());
  EXPECT_EQ(folder.config["r"], 2);
  EXPECT_EQ(adapter_bytes(folder.config, tensors),
            static_cast<int64_t>(fs::file_size(temp / "a/adapter_config.json") +
                                 fs::file_size(temp / "a/adapter_model.safetensors")));
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
