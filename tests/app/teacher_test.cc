// distill from the command line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/program.h"

namespace keel {
namespace {

using test::run_keel;
using testing::HasSubstr;

class TeacherRuns : public test::TrainingTest {
 protected:
  test::Outcome train(const std::string& more) const {
    return run_keel(train_args("run", "--sample_count 0 --max_steps 12 --overwrite_output_dir " + more));
  }
};

TEST_F(TeacherRuns, ATeacherOfAnotherFolderIsLearnedFrom) {
  ASSERT_EQ(train("").code, 0);
  fs::rename(dir_ / "run", dir_ / "teacher");
  const auto run = train("--teacher_model_path " + path("teacher/model") + " --coefficient_of_origin_loss 0");
  ASSERT_EQ(run.code, 0) << run.text;
  EXPECT_THAT(run.text, HasSubstr("distill: true, as teacher_model_path is given"));
  const std::vector<Json> rows = metrics("run");
  EXPECT_GT(rows.front().at("teacher_kl").get<double>(), 2 * rows.back().at("teacher_kl").get<double>());
}

TEST_F(TeacherRuns, WithoutAFolderTheModelAsItWasTeaches) {
  const auto run = train("--distill");
  ASSERT_EQ(run.code, 0) << run.text;
  const std::vector<Json> rows = metrics("run");
  EXPECT_NEAR(rows.front().at("teacher_kl").get<double>(), 0, 1e-6);
  EXPECT_GT(rows.back().at("teacher_kl").get<double>(), 1e-3);
}

TEST_F(TeacherRuns, ATeacherOfOtherTokensIsRefused) {
  fs::copy(dir_ / "model", dir_ / "other", fs::copy_options::recursive);
  std::string tokenizer = read_text(dir_ / "other/tokenizer.json");
  const size_t at = tokenizer.find("<|im_start|>");
  ASSERT_NE(at, std::string::npos);
  tokenizer.replace(at, 12, "<|im_begin|>");
  write_file(dir_ / "other/tokenizer.json", tokenizer);
  const auto run = train("--teacher_model_path " + path("other"));
  EXPECT_NE(run.code, 0);
  EXPECT_THAT(run.text, HasSubstr("teacher_model_path: " + path("other") + ": token "));
  EXPECT_THAT(run.text, HasSubstr(" is \"<|im_begin|>\", the model's is \"<|im_start|>\""));
  EXPECT_THAT(run.text,
              HasSubstr("leave teacher_model_path out, and the model as it was before training teaches"));
}

}  // namespace
}  // namespace keel
