// keel compare: two arms at two rates, stopped and gone on with, and plans that are refused.
#include <gmock/gmock.h>

#include "app/program.h"

namespace keel::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class CompareTest : public TrainingTest {
 protected:
  void SetUp() override {
    TrainingTest::SetUp();
    std::string texts, probes;
    for (int i = 0; i < 12; ++i)
      texts += Json{{"text", "the tide comes in and out, day " + std::to_string(i)}}.dump() + "\n";
    for (int i = 0; i < 10; ++i)
      probes += Json{{"id", std::to_string(i)},   {"type", "choice"},
                     {"dimension", "letters"},    {"prompt", "say b " + std::to_string(i)},
                     {"choices", {"bbb", "zzz"}}, {"answer_index", 0}}
                    .dump() +
                "\n";
    write_file(dir_ / "texts.jsonl", texts);
    write_file(dir_ / "probes.jsonl", probes);
    write_plan("");
  }

  void write_plan(const std::string& more, const std::string& epochs = "1") {
    write_file(dir_ / "plan.yaml",
               "base:\n"
               "  model: " +
                   path("model") +
                   "\n"
                   "  dataset: " +
                   path("rows.jsonl") +
                   "\n"
                   "  val_size: 0.3\n"
                   "  general_dataset: " +
                   path("texts.jsonl") +
                   "\n"
                   "  precision: fp32\n"
                   "  threads: 1\n"
                   "  batch_size: 10\n"
                   "  save_steps: 1\n"
                   "  max_new_tokens: 6\n"
                   "  epochs: " +
                   epochs +
                   "\n"
                   "arms:\n"
                   "  plain: {token_weighting: none}\n"
                   "  nlirg: {token_weighting: nlirg}\n"
                   "learning_rates: [0.003, 0.01]\n"
                   "seeds: [3]\n"
                   "eval: {suite: " +
                   path("probes.jsonl") + ", half: all}\n" + more);
  }

  Outcome compare(const std::string& out, const std::string& more = "") const {
    return run_keel("compare " + path("plan.yaml") + " --output_dir " + path(out) + " " + more);
  }

  // Without what depends on the clock: speed and seconds, in the last three columns.
  std::string table(const std::string& out) const {
    std::istringstream in(read_text(dir_ / (out + "/results.csv")));
    std::string text;
    for (std::string line; std::getline(in, line);) {
      for (int cut = 0; cut < 3; ++cut) line.erase(line.rfind(','));
      text += line + "\n";
    }
    return text;
  }
};

TEST_F(CompareTest, WritesTheTableTheFrontierAndTheSentences) {
  const Outcome run = compare("out");
  ASSERT_EQ(run.code, 0) << run.text;
  EXPECT_THAT(run.text, HasSubstr("comparison: plain_lr0.003_seed3 (0 of 4 runs are done)"));
  EXPECT_THAT(run.text, HasSubstr("comparison: nlirg_lr0.01_seed3 (3 of 4 runs are done, about "));
  EXPECT_TRUE(run.text.ends_with(path("out/report.html") + "\n")) << run.text;
  const std::string rows = table("out");
  EXPECT_THAT(rows,
              HasSubstr("arm,learning_rate,seed,domain_loss_before,domain_loss_after,general_loss_before,"
                        "general_loss_after,general_accuracy_before,general_accuracy_after,acc_letters,rep4,"
                        "end_of_turn,steps,supervised_tokens\n"));
  EXPECT_EQ(std::ranges::count(rows, '\n'), 5);
  // What the runs themselves have measured, by another way.
  const Json losses = read_json(dir_ / "out/runs/plain_lr0.01_seed3/summary.json")["losses"];
  EXPECT_THAT(rows,
              HasSubstr(fmt::format(
                  "\nplain,0.01,3,{:.6g},{:.6g},{:.6g},{:.6g},", losses["before"]["eval_loss"].get<double>(),
                  losses["after"]["eval_loss"].get<double>(), losses["before"]["general_loss"].get<double>(),
                  losses["after"]["general_loss"].get<double>())));
  const Json summary = read_json(dir_ / "out/summary.json");
  EXPECT_THAT(summary["verdict"].get<std::string>(), HasSubstr("One seed: seeds were not resampled"));
  EXPECT_EQ(summary["frontier"]["points"].size(), 4U);
  EXPECT_THAT(read_text(dir_ / "out/frontier.svg"), HasSubstr("<svg xmlns=\"http://www.w3.org/2000/svg\""));
  EXPECT_THAT(read_text(dir_ / "out/report.html"), HasSubstr("id=\"frontier-plot-t\""));
  EXPECT_TRUE(fs::exists(dir_ / "out/runs/nlirg_lr0.01_seed3/model"));
  EXPECT_FALSE(fs::exists(dir_ / "out/runs/nlirg_lr0.01_seed3/checkpoints"));
}

TEST_F(CompareTest, AComparisonThatWasStoppedGoesOnAndEndsTheSame) {
  ASSERT_EQ(compare("whole").code, 0);
  int sessions = 0;
  Outcome last;
  for (; sessions < 40 && !fs::exists(dir_ / "pieces/report.html"); ++sessions) {
    last = compare("pieces", "--max_time 1e-9 --resume");  // one step a session
    ASSERT_EQ(last.code, 0) << last.text;
    if (sessions == 0) {
      EXPECT_THAT(last.text,
                  HasSubstr("to go on with the comparison: keel compare " + path("plan.yaml") + " --resume"));
    }
  }
  EXPECT_GT(sessions, 8) << last.text;
  EXPECT_EQ(table("pieces"), table("whole"));
  const Outcome again = compare("pieces", "--resume");
  EXPECT_EQ(again.code, 0);
  EXPECT_THAT(again.text, Not(HasSubstr("comparison: plain")));  // nothing is run again
  const Outcome list = compare("pieces", "--list");
  EXPECT_THAT(list.text, HasSubstr("in all      4      4      0"));
}

TEST_F(CompareTest, AKilledComparisonKeepsWhatIsFinished) {
  const std::string first = path("out/runs/plain_lr0.003_seed3");
  // Killed as soon as the first run is measured.
  const Outcome killed = run_keel("compare " + path("plan.yaml") + " --output_dir " + path("out") +
                                  " 2>/dev/null & program=$!; "
                                  "for i in $(seq 1200); do test -e " +
                                  first +
                                  "/measures.json && break; sleep 0.05; done; "
                                  "kill -9 $program; wait $program");
  const fs::path mark = first + "/measures.json";
  ASSERT_TRUE(fs::exists(mark)) << killed.text;
  const auto written = fs::last_write_time(mark);
  const Outcome resumed = compare("out", "--resume");
  ASSERT_EQ(resumed.code, 0) << resumed.text;
  EXPECT_EQ(fs::last_write_time(mark), written);
  EXPECT_EQ(std::ranges::count(table("out"), '\n'), 5);
  EXPECT_THAT(resumed.text, Not(HasSubstr("comparison: plain_lr0.003_seed3")));
}

TEST_F(CompareTest, APlanThatWasChangedIsRefused) {
  ASSERT_EQ(compare("out").code, 0);
  EXPECT_THAT(compare("out").text, HasSubstr("output_dir: " + path("out") + " is not empty"));
  write_plan("", "2");
  const Outcome other = compare("out", "--resume");
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.text,
              HasSubstr(path("out/runs/plain_lr0.003_seed3") +
                        ": num_train_epochs: 2, but the run began with 1\n  wanted: the same value: the "
                        "result would be another one\n  try:    set it back, or begin again in another "
                        "folder"));
  write_plan("contrasts: [[nlirg, plian]]\n");
  EXPECT_THAT(compare("out", "--resume").text,
              HasSubstr(path("plan.yaml") + ":18: a contrast with \"plian\", which is no arm\n"
                                            "  wanted: plain, nlirg\n  try:    \"plain\" may be meant"));
  write_plan("");
  write_file(dir_ / "texts.jsonl", "{\"text\": \"another tide\"}\n");
  remove_tree(dir_ / "out/runs/plain_lr0.003_seed3");
  EXPECT_THAT(compare("out", "--resume").text,
              HasSubstr("other items than those that the base model was measured by"));
}

}  // namespace
}  // namespace keel::test
