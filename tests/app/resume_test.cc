// A run that was stopped goes on as if it had not been.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "app/program.h"

namespace keel {
namespace {

using test::run_keel;
using testing::HasSubstr;

class Resume : public test::TrainingTest {
 protected:
  std::string train_args(const std::string& out, const std::string& more) const {
    return TrainingTest::train_args(out,
                                    "--val_size 8 --max_new_tokens 4 --sample_count 1 --eval_steps 2 "
                                    "--save_steps 2 " +
                                        length_ + " " + more);
  }

  // Two sources in two stages of three steps each.
  void use_stages() {
    test::make_rows(dir_ / "more.jsonl", 24);
    const Json sources{{{"path", path("more.jsonl")}, {"name", "law"}, {"role", "specialist"}},
                       {{"path", path("rows.jsonl")}, {"name", "chat"}, {"role", "general"}}};
    data_ = "--mix_strategy dmt --datasets '" + sources.dump() + "'";
    length_ = R"(--stages '[{"max_steps":3,"learning_rate":0.002},{"max_steps":3}]')";
  }

  std::string length_ = "--max_steps 6";

  void add_sick_row() const {
    write_file(dir_ / "rows.jsonl", read_text(dir_ / "rows.jsonl") +
                                        R"({"instruction": "poison", "output": "xyz", "weight": 1e39})" +
                                        "\n");
  }

  // Stops behind every step (max_time is over at once) and goes on.
  void run_in_pieces(const std::string& out, const std::string& more) {
    test::Outcome outcome{};
    for (int sessions = 0; sessions < 10; ++sessions) {
      outcome = run_keel(train_args(out, more) + "--max_time 1e-9 --resume");
      ASSERT_EQ(outcome.code, 0) << outcome.text;
      if (outcome.text.find("to go on: keel train") == std::string::npos) {
        EXPECT_EQ(sessions, 5);  // six steps, one a session
        return;
      }
    }
    FAIL() << "never finished: " << outcome.text;
  }

  // Without what a clock or the machine decides.
  std::vector<Json> steady_metrics(const std::string& run) const {
    std::vector<Json> rows = metrics(run);
    for (Json& row : rows)
      for (const char* clock : {"elapsed_s", "tokens_per_s", "memory_gb", "memory_peak_gb", "eta_s"})
        row.erase(clock);
    return rows;
  }

  // Every file of a run with its content and the time of its last change.
  auto everything(const std::string& run) const {
    std::map<std::string, std::pair<fs::file_time_type, std::string>> out;
    for (const auto& entry : fs::recursive_directory_iterator(dir_ / run))
      if (entry.is_regular_file()) out[entry.path().string()] = {entry.last_write_time(), read_text(entry)};
    return out;
  }

  void expect_equal_to_undisturbed(const std::string& more, const std::string& weights) {
    const auto whole = run_keel(train_args("whole", more));
    ASSERT_EQ(whole.code, 0) << whole.text;
    run_in_pieces("pieces", more);
    EXPECT_EQ(steady_metrics("pieces"), steady_metrics("whole"));
    EXPECT_TRUE(read_text(dir_ / ("pieces/model/" + weights)) ==
                read_text(dir_ / ("whole/model/" + weights)));
    const Json a = read_json(dir_ / "pieces/summary.json"), b = read_json(dir_ / "whole/summary.json");
    EXPECT_EQ(a["tables"], b["tables"]);
    EXPECT_EQ(a["samples"], b["samples"]);
  }
};

TEST_F(Resume, FullRunInPiecesEqualsTheWhole) {
  expect_equal_to_undisturbed("--gradient_accumulation_steps 2", "model.safetensors");
}

TEST_F(Resume, LoraWithDropoutInPiecesEqualsTheWhole) {
  expect_equal_to_undisturbed(
      "--finetuning_type lora --lora_rank 4 --lora_dropout 0.2 --early_stopping_patience 2",
      "adapter_model.safetensors");
}

TEST_F(Resume, StagesInPiecesEqualTheWhole) {
  use_stages();
  expect_equal_to_undisturbed("--order_by length --early_stopping_patience 9", "model.safetensors");
  const Json last = metrics("whole").back();  // the evaluation at the end
  EXPECT_TRUE(last.contains("eval_loss/law") && last.contains("eval_loss/chat")) << last;
  std::map<int64_t, Json> steps;
  for (const Json& row : metrics("whole"))
    if (row.contains("loss")) steps[row["step"]] = row;
  EXPECT_EQ(steps[3]["source_share"]["law"], 1.0);
  EXPECT_GT(steps[6]["source_share"]["chat"], 0.2);
  EXPECT_GT(steps[6]["learning_rate"], steps[3]["learning_rate"]);
  const Json rows = read_json(dir_ / "whole/summary.json")["tables"][0]["rows"];
  EXPECT_EQ(rows[1][0], "chat, loss per token");
  EXPECT_EQ(rows[2][0], "law, loss per token");
}

TEST_F(Resume, DynamicTokenBatchInPiecesEqualsTheWhole) {
  expect_equal_to_undisturbed("--token_batch 2 --dynamic_token_batch true --adam_beta2_half_life_tokens 50",
                              "model.safetensors");
}

TEST_F(Resume, CachedPrefixInPiecesEqualsTheWhole) {
  expect_equal_to_undisturbed("--token_batch 2 --token_batch_prefix cached", "model.safetensors");
}

// What lies beside the trained model: the model of some updates ago, and the one of the start.
TEST_F(Resume, PsftWithL2SpInPiecesEqualsTheWhole) {
  expect_equal_to_undisturbed("--token_weighting psft --psft_refresh 4 --l2_sp 1", "model.safetensors");
}

TEST_F(Resume, EwcAndKlTrainUnderLoraInPiecesEqualTheWhole) {
  expect_equal_to_undisturbed(
      "--finetuning_type lora --lora_rank 4 --ewc 2 --kl_train 0.5 --kl_replay_tokens 256",
      "adapter_model.safetensors");
  const Json last = metrics("whole").back();
  EXPECT_TRUE(last.contains("kl_from_start")) << last;
}

TEST_F(Resume, MonitorsInPiecesEqualTheWhole) {
  expect_equal_to_undisturbed("--monitor_share 0.5 --per_device_train_batch_size 30", "model.safetensors");
  const Json last = metrics("whole").back();
  for (const char* name : {"kl_domain", "kl_general", "train_gap", "rep4", "end_of_turn", "copied"})
    EXPECT_TRUE(last.contains(name)) << name << last;
  EXPECT_GT(last.at("kl_domain").get<double>(), 0);
  EXPECT_THAT(read_json(dir_ / "whole/summary.json").dump(), HasSubstr("% of the training time"));
}

// Two epochs, so that the row comes again in a later session.
TEST_F(Resume, ASickRowIsNamedLeftOutAndRememberedInPieces) {
  add_sick_row();
  expect_equal_to_undisturbed("--per_device_train_batch_size 11", "model.safetensors");
  const std::string sick = read_text(dir_ / "whole/quarantine.jsonl");
  EXPECT_EQ(read_text(dir_ / "pieces/quarantine.jsonl"), sick);
  EXPECT_THAT(sick, HasSubstr(",\"place\":\"" + path("rows.jsonl") + ":41\",\"found\":\"loss NaN\"}"));
  EXPECT_EQ(std::ranges::count(sick, '\n'), 1);
  EXPECT_EQ(metrics("whole").size(), 6U + 4U);  // no step is lost: four evaluations, six steps
}

TEST_F(Resume, ASickRowIsLeftOutOfTokenBatchesToo) {
  add_sick_row();
  const auto run =
      run_keel(TrainingTest::train_args("run", "--token_batch 2 --num_train_epochs 2 --sample_count 0"));
  ASSERT_EQ(run.code, 0) << run.text;
  const std::string warning = path("rows.jsonl") + ":41 alone has loss NaN; the row is left out from here on";
  const size_t first = run.text.find(warning);
  ASSERT_NE(first, std::string::npos) << run.text;
  EXPECT_EQ(run.text.find(warning, first + 1), std::string::npos);
  EXPECT_EQ(run.text.find("the step was skipped"), std::string::npos) << run.text;
}

TEST_F(Resume, WithoutQuarantineTheStepsOfASickRowAreSkipped) {
  add_sick_row();
  const auto run = run_keel(train_args("run", "--per_device_train_batch_size 33 --quarantine false"));
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(
      run.text,
      HasSubstr(
          "5 updates in a row had no finite loss or gradient; rows are not looked at (quarantine: false)"));
  EXPECT_FALSE(fs::exists(dir_ / "run/quarantine.jsonl"));
}

TEST_F(Resume, ADamagedCheckpointIsPassedOver) {
  ASSERT_EQ(run_keel(train_args("whole", "")).code, 0);
  ASSERT_EQ(run_keel(train_args("run", "--save_total_limit 5")).code, 0);
  const std::string newest = path("run/checkpoints/step-000004/optimizer.safetensors");
  {
    std::fstream file(newest, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-1, std::ios::end);
    file.put('\x7f');
  }
  fs::remove_all(dir_ / "run/model");
  const auto again = run_keel(train_args("run", "--resume"));
  ASSERT_EQ(again.code, 0) << again.text;
  EXPECT_THAT(
      again.text,
      HasSubstr("warning: " + path("run/checkpoints/step-000004") + " is damaged and passed over: " + newest +
                ", tensor \"master.model.norm.weight\": other bytes than were written (its XXH3 differs)"));
  EXPECT_THAT(again.text, HasSubstr("resumed behind step 2 of 6"));
  EXPECT_EQ(steady_metrics("run"), steady_metrics("whole"));
  EXPECT_TRUE(read_text(dir_ / "run/model/model.safetensors") ==
              read_text(dir_ / "whole/model/model.safetensors"));
}

// Nothing is removed that may still be saved.
TEST_F(Resume, WhereNoCheckpointIsWholeItDoesNotStartOver) {
  ASSERT_EQ(run_keel(train_args("run", "--save_total_limit 5")).code, 0);
  for (const char* step : {"step-000002", "step-000004"})
    fs::resize_file(dir_ / "run/checkpoints" / step / "optimizer.safetensors", 10);
  fs::remove_all(dir_ / "run/model");
  const auto before = everything("run");
  const auto again = run_keel(train_args("run", "--resume"));
  EXPECT_EQ(again.code, 2);
  EXPECT_THAT(
      again.text,
      HasSubstr("keel: " + path("run/checkpoints") +
                ": there are checkpoints, but none is whole\n  wanted: one to go on from\n  try:    mend"));
  EXPECT_EQ(again.text.find("starting from the beginning"), std::string::npos);
  auto after = everything("run");
  std::erase_if(after, [](const auto& file) { return file.first.ends_with("/.lock"); });
  EXPECT_TRUE(after == before);
}

TEST_F(Resume, ARunThatHoldsTooMuchMemorySavesAndStops) {
  ASSERT_EQ(run_keel(train_args("whole", "")).code, 0);
  const auto stopped = run_keel(train_args("run", "--max_memory 0.001"));
  EXPECT_EQ(stopped.code, 2) << stopped.text;
  EXPECT_THAT(stopped.text,
              testing::ContainsRegex("max_memory: 1 of 2 blocks are computed again in the backward pass: "
                                     "about [0-9.]+ [MG]B in place of "));
  EXPECT_THAT(stopped.text, HasSubstr("more than 0.001 GB; when it holds more it saves and stops"));
  EXPECT_THAT(stopped.text,
              testing::ContainsRegex("\nkeel: step 1: the run holds 0\\.[0-9]+ GB of memory\n"
                                     "  wanted: at most 0.001 GB \\(max_memory\\)\n"
                                     "  try:    it is saved: keel train .*run/config.yaml --resume "
                                     "goes on, with a smaller per_device_train_batch_size"));
  const auto rest = run_keel(train_args("run", "--resume --max_memory 100"));
  ASSERT_EQ(rest.code, 0) << rest.text;
  EXPECT_THAT(rest.text, HasSubstr("resumed behind step 1 of 6"));
  EXPECT_EQ(steady_metrics("run"), steady_metrics("whole"));
  EXPECT_EQ(read_text(dir_ / "run/model/model.safetensors"),
            read_text(dir_ / "whole/model/model.safetensors"));
}

TEST_F(Resume, AModelThatIsACheckpointAndHasTemplatesIsSavedAndResumed) {
  write_file(dir_ / "model/additional_chat_templates/tool.jinja", "{{ messages[0].content }}");
  write_file(dir_ / "model/checksums.json", "{}");
  ASSERT_EQ(run_keel(train_args("run", "--max_time 1e-9")).code, 0);
  const auto rest = run_keel(train_args("run", "--resume"));
  ASSERT_EQ(rest.code, 0) << rest.text;
  EXPECT_THAT(rest.text, HasSubstr("resumed behind step 1 of 6"));
  EXPECT_TRUE(fs::exists(dir_ / "run/model/additional_chat_templates/tool.jinja"));
}

// A save that fails must not have removed what it was to replace: the checkpoint of an interruption is
// written once more when its step is closed.
TEST_F(Resume, AnOlderFolderStaysUntilTheNewOneIsWhole) {
  ASSERT_EQ(run_keel(train_args("run", "--save_steps 1 --max_time 1e-9")).code, 0);
  const fs::path saved = dir_ / "run/checkpoints/step-000001";
  const std::string weights = read_text(saved / "model.safetensors");
  const auto failed = run_keel(train_args("run", "--save_steps 1 --resume"), "ulimit -f 100;");
  EXPECT_EQ(failed.code, 2);
  EXPECT_THAT(failed.text, HasSubstr(".safetensors: cannot write: File too large\n  try:    allow larger "
                                     "files (ulimit -f), or choose a disk that holds them"));
  EXPECT_EQ(read_text(saved / "model.safetensors"), weights);
}

TEST_F(Resume, AFinishedRunIsDoneAndIsLeftAsItIs) {
  ASSERT_EQ(run_keel(train_args("run", "")).code, 0);
  const auto before = everything("run");
  const auto again = run_keel(train_args(
      "run", "--logging_steps 2 --preprocessing_num_workers 1 --dataset_prepared_path none --resume"));
  ASSERT_EQ(again.code, 0) << again.text;
  EXPECT_THAT(again.text,
              HasSubstr(path("run") + " is done, nothing is left to train: 6 of 6 steps. The run finished."));
  EXPECT_THAT(again.text, HasSubstr("\n" + path("run/model") + "\n"));
  EXPECT_EQ(again.text.find("resumed behind"), std::string::npos) << again.text;
  EXPECT_TRUE(everything("run") == before);
}

TEST_F(Resume, ARunKilledBeforeItsSummaryIsNotDone) {
  ASSERT_EQ(run_keel(train_args("run", "")).code, 0);
  fs::remove(dir_ / "run/summary.json");
  const auto again = run_keel(train_args("run", "--resume"));
  ASSERT_EQ(again.code, 0) << again.text;
  EXPECT_THAT(again.text, HasSubstr("resumed behind step 4 of 6"));
  EXPECT_TRUE(fs::exists(dir_ / "run/summary.json"));
}

TEST_F(Resume, AFinishedRunGoesOnUnderALargerPlan) {
  ASSERT_EQ(run_keel(train_args("run", "")).code, 0);
  const auto refused = run_keel(train_args("run", "--max_steps 8 --resume"));
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.text, HasSubstr("max_steps: 8, but the run began with 6"));
  const auto longer = [&](const std::string& more) {
    return run_keel(train_args("run", "--max_steps 8 --resume --allow_change max_steps " + more));
  };
  const auto interrupted = longer("--max_time 1e-9");
  EXPECT_THAT(interrupted.text, HasSubstr("resumed behind step 4 of 8"));
  EXPECT_THAT(interrupted.text, HasSubstr("to go on: keel train"));
  const auto rest = longer("");  // the end of the shorter plan is forgotten
  ASSERT_EQ(rest.code, 0) << rest.text;
  EXPECT_THAT(rest.text, HasSubstr("resumed behind step 5 of 8"));
  EXPECT_THAT(longer("").text, HasSubstr("nothing is left to train: 8 of 8 steps"));
}

TEST_F(Resume, WhatWouldAlterTheResultIsRefusedAllAtOnce) {
  ASSERT_EQ(run_keel(train_args("run", "--max_time 1e-9")).code, 0);
  const auto other = run_keel(train_args("run", "--seed 7 --warmup_steps 3 --logging_steps 2 --resume"));
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.text, HasSubstr("seed: 7, but the run began with 42"));
  EXPECT_THAT(other.text, HasSubstr("warmup_steps: 3, but the run began with 0"));
  EXPECT_THAT(other.text, HasSubstr("set it back, start a new run, or say allow_change: [seed]"));
  EXPECT_EQ(other.text.find("logging_steps"), std::string::npos);
  const auto allowed =
      run_keel(train_args("run", "--seed 7 --warmup_steps 3 --resume --allow_change seed,warmup_steps"));
  EXPECT_EQ(allowed.code, 0) << allowed.text;
  EXPECT_THAT(allowed.text, HasSubstr("warning: seed: 7 from here on, 42 before"));
}

TEST_F(Resume, OtherDataAreRefused) {
  ASSERT_EQ(run_keel(train_args("run", "--max_time 1e-9")).code, 0);
  test::make_rows(dir_ / "rows.jsonl", 41);
  const auto other = run_keel(train_args("run", "--resume"));
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.text, HasSubstr("dataset: other training data than the run began with"));
  EXPECT_EQ(run_keel(train_args("run", "--resume --allow_change dataset")).code, 0);
}

TEST_F(Resume, AFolderIsHeldByOneRunAtATime) {
  make_folders(dir_ / "run");
  write_file(dir_ / "run/.lock", "4711");
  const int held = ::open(path("run/.lock").c_str(), O_RDWR);
  ASSERT_EQ(::flock(held, LOCK_EX), 0);
  const auto second = run_keel(train_args("run", ""));
  EXPECT_EQ(second.code, 2);
  EXPECT_THAT(second.text, HasSubstr("output_dir: " + path("run") + " is being written by process 4711"));
  ::close(held);
  EXPECT_EQ(run_keel(train_args("run", "")).code, 0);
}

TEST_F(Resume, WithoutACheckpointItStartsOver) {
  make_folders(dir_ / "run");
  write_file(dir_ / "run/metrics.jsonl", "{\"step\": 1}\n");
  const auto run = run_keel(train_args("run", "--resume"));
  ASSERT_EQ(run.code, 0) << run.text;
  EXPECT_THAT(run.text, HasSubstr("no checkpoint in " + path("run") + ": starting from the beginning"));
  ASSERT_EQ(run_keel(train_args("whole", "")).code, 0);
  EXPECT_EQ(steady_metrics("run"), steady_metrics("whole"));
}

}  // namespace
}  // namespace keel
