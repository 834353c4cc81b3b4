// interpolate from the command line: the sweep after training, what it saves and what it says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/program.h"
#include "checkpoint/adapter_folder.h"

namespace keel {
namespace {

using test::run_keel;
using testing::HasSubstr;
using testing::Not;

class InterpolateRuns : public test::TrainingTest {
 protected:
  test::Outcome train(const std::string& out, const std::string& more) const {
    return run_keel(train_args(out, "--sample_count 0 --max_steps 24 --val_size 8 --general_dataset " +
                                        path("general.jsonl") + " " + more));
  }
  // Text that the rows of the run say nothing of: the model forgets some of it.
  void SetUp() override {
    TrainingTest::SetUp();
    std::string lines;
    for (int i = 0; i < 8; ++i) lines += Json{{"text", "xyz zyx xyz zyx xyz zyx"}}.dump() + "\n";
    write_file(dir_ / "general.jsonl", lines);
  }

  double loss_of(const std::string& model) const {
    const auto out = run_keel("eval --stage cpt --precision fp32 --dataset " + path("general.jsonl") + " " +
                              model + " --output_dir " + path("e"));
    EXPECT_EQ(out.code, 0) << out.text;
    return read_json(dir_ / "e/results.json").at("nll");
  }
};

constexpr const char* kAnyGain = "--interpolate 0.1,0.5 --interpolate_least_gain 0 ";

TEST_F(InterpolateRuns, TheBestMixtureIsSavedBesideTheTrainedModel) {
  const auto run = train("run", kAnyGain);
  ASSERT_EQ(run.code, 0) << run.text;
  EXPECT_THAT(run.text, HasSubstr("interpolate 0.5: domain loss "));
  EXPECT_THAT(run.text, HasSubstr(" Interpolated: "));
  EXPECT_THAT(run.text, testing::EndsWith(path("run/interpolated") + "\n"));
  const Json summary = read_json(dir_ / "run/summary.json");
  const double kept = summary["losses"]["after"]["general_loss"];
  EXPECT_THAT(summary["tables"].dump(), HasSubstr("(kept)"));
  EXPECT_NEAR(loss_of("--model_name_or_path " + path("run/interpolated")), kept, 1e-5);
  EXPECT_GT(loss_of("--model_name_or_path " + path("run/model")), kept);
}

TEST_F(InterpolateRuns, OfAnAdapterItIsAnAdapterOfLessScale) {
  const auto run =
      train("run", std::string(kAnyGain) + "--finetuning_type lora --lora_rank 4 --lora_target all ");
  ASSERT_EQ(run.code, 0) << run.text;
  const auto adapter = [&](const char* name) {
    return AdapterFolder::open(path(std::string("run/") + name));
  };
  const double scale = adapter("interpolated").config["lora_alpha"].get<double>() /
                       adapter("model").config["lora_alpha"].get<double>();
  EXPECT_THAT(scale, testing::AnyOf(testing::DoubleEq(0.1), testing::DoubleEq(0.5)));
  const double kept = read_json(dir_ / "run/summary.json")["losses"]["after"]["general_loss"];
  EXPECT_NEAR(loss_of("--model_name_or_path " + path("model") + " --adapter_name_or_path " +
                      path("run/interpolated")),
              kept, 1e-5);
}

TEST_F(InterpolateRuns, WhereNothingIsBetterTheTrainedModelStays) {
  const auto run = train("run", "--interpolate 0.5 --interpolate_least_gain 1");
  ASSERT_EQ(run.code, 0) << run.text;
  EXPECT_THAT(run.text, HasSubstr("No mixture with the model as it was is better than the trained one."));
  EXPECT_FALSE(fs::exists(dir_ / "run/interpolated"));
  EXPECT_THAT(run.text, testing::EndsWith(path("run/model") + "\n"));
}

TEST_F(InterpolateRuns, MistakesAreAllTold) {
  const auto none = run_keel(train_args("a", "--val_size 0 --max_steps 1 --interpolate 0.5"));
  EXPECT_EQ(none.code, 2);
  EXPECT_THAT(none.text, HasSubstr("interpolate without held-out rows to choose by"));
  EXPECT_THAT(train("b", "--interpolate 0.5,1.5").text, HasSubstr("a list of numbers from 0.01 to 0.99"));
  const std::string lora = "--finetuning_type lora --interpolate 0.5 ";
  EXPECT_THAT(train("c", lora + "--add_tokens '<x>'").text,
              HasSubstr("interpolate of an adapter with add_tokens"));
  EXPECT_THAT(train("d", lora + "--adapter_name_or_path " + path("x")).text,
              HasSubstr("interpolate of an adapter that goes on from another"));
  for (const char* name : {"a", "b", "c", "d"}) EXPECT_FALSE(fs::exists(dir_ / name));
}

}  // namespace
}  // namespace keel
