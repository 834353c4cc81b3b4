// keel data check and keel data clean, run as a user runs them.
#include <gtest/gtest.h>

#include <fstream>

#include "app/program.h"

namespace keel {
namespace {

using test::Outcome;
using test::run_keel;
using test::TempDir;

class DataCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    test::make_rows(dir_ / "rows.jsonl", 40);
    std::ofstream(dir_ / "rows.jsonl", std::ios::app)
        << R"({"instruction": "say a 0", "output": "aaa"})"
        << "\n"
        << R"({"instruction": "mail me", "output": "to a@b.org please, as soon as you can"})"
        << "\n";
    test::make_rows(dir_ / "val.jsonl", 2);
  }

  std::string path(const char* name) const { return (dir_ / name).string(); }
  std::vector<std::string> lines(const char* name) const {
    std::ifstream file(dir_ / name);
    std::vector<std::string> out;
    for (std::string line; std::getline(file, line);) out.push_back(line);
    return out;
  }

  TempDir dir_;
};

TEST_F(DataCommand, CheckTellsOnePageAndWritesJsonAndHtml) {
  const Outcome o = run_keel("data check --dataset " + path("rows.jsonl") + " --json " + path("out.json") +
                             " --html " + path("out.html"));
  EXPECT_EQ(o.code, 0) << o.text;
  EXPECT_NE(o.text.find("warning [exact_duplicates] 1 row (2.4 %) repeats an earlier row word for word."),
            std::string::npos)
      << o.text;
  EXPECT_NE(o.text.find("rows.jsonl:41 = "), std::string::npos);
  EXPECT_NE(o.text.find("No model was named"), std::string::npos);
  EXPECT_EQ(o.text.find("a@b.org"), std::string::npos);
  const Json json = read_json(dir_ / "out.json");
  EXPECT_EQ(json["sources"][0]["rows"], 42);
  EXPECT_EQ(json["errors"], 0);
  EXPECT_EQ(lines("out.html").front(), "<!DOCTYPE html>");
}

class DataRewrite : public test::TrainingTest {
 protected:
  Outcome rewrite(const std::string& more, const std::string& model = "model") const {
    return run_keel("data rewrite --model_name_or_path " + path(model) +
                    " --precision fp32 --threads 1 --dataset " + path("talks.jsonl") + " --tries 2 " + more);
  }

  void SetUp() override {
    TrainingTest::SetUp();
    write_file(dir_ / "talks.jsonl", Json{{"messages",
                                           {{{"role", "user"}, {"content", "say a"}},
                                            {{"role", "assistant"}, {"content", "a"}, {"weight", 0}},
                                            {{"role", "user"}, {"content", "and b"}},
                                            {{"role", "assistant"}, {"content", "b 7"}}}}}
                                             .dump() +
                                         "\n");
  }
};

// A random model says nothing right: what matters here is that nothing is lost.
TEST_F(DataRewrite, RepliesThatAreNotRewrittenStayAndTheLogSaysWhy) {
  const Outcome o = rewrite("--output " + path("new.jsonl"));
  ASSERT_EQ(o.code, 0) << o.text;
  EXPECT_NE(o.text.find("new.jsonl: 0 of 1 reply are the model's own words now"), std::string::npos)
      << o.text;
  EXPECT_NE(o.text.find("  kept as they were: 1 ("), std::string::npos) << o.text;
  EXPECT_EQ(read_json(dir_ / "new.jsonl"), read_json(dir_ / "talks.jsonl"));
  const Json log = read_json(dir_ / "new.log.jsonl");
  EXPECT_EQ(log["message"], 3) << "the first reply is not trained";
  EXPECT_EQ(log["reply"], "b 7");
  ASSERT_TRUE(log.contains("kept_because"));
  EXPECT_NE(log["kept_because"], "");
  EXPECT_EQ(run_keel("data check --dataset " + path("new.jsonl")).code, 0);
}

// The model is taught to answer the request, and the question, with the same words in another order.
TEST_F(DataRewrite, WhatIsRightAndLikelierStandsInForTheReply) {
  const std::string request =
      "Question: say it\n\nAnswer: aaaa bbbb\n\nSay this answer as you would say it yourself. Keep every "
      "fact, name and "
      "number. Write nothing but the answer.";
  const auto row = [](const std::string& user, const std::string& reply) {
    return Json{{"instruction", user}, {"output", reply}}.dump() + "\n";
  };
  write_file(dir_ / "rows.jsonl", row("say it", "bbbb aaaa") + row(request, "bbbb aaaa"));
  ASSERT_EQ(run_keel(train_args("taught", "--max_steps 80 --sample_count 0 --token_weighting none")).code, 0);
  write_file(dir_ / "talks.jsonl", row("say it", "aaaa bbbb"));
  const Outcome o = rewrite("--output " + path("new.jsonl"), "taught/model");
  ASSERT_EQ(o.code, 0) << o.text;
  EXPECT_NE(
      o.text.find(
          "new.jsonl: 1 of 1 reply are the model's own words now; it finds them likelier: loss per token "),
      std::string::npos)
      << o.text;
  EXPECT_EQ(read_json(dir_ / "new.jsonl")["messages"][1]["content"], "bbbb aaaa");
  const Json log = read_json(dir_ / "new.log.jsonl");
  EXPECT_EQ(log["rewriting"], "bbbb aaaa");
  EXPECT_LT(log["own_loss"].get<double>(), log["loss"].get<double>());
}

TEST_F(DataRewrite, BadRowsAreToldInTheLog) {
  write_file(dir_ / "talks.jsonl", read_text(dir_ / "talks.jsonl") + R"({"messages": 5})" + "\n");
  const Outcome o = rewrite("--max_rejected 0.5 --output " + path("new.jsonl"));
  ASSERT_EQ(o.code, 0) << o.text;
  EXPECT_NE(o.text.find("1 row cannot be used"), std::string::npos) << o.text;
  EXPECT_NE(read_text(dir_ / "new.log.jsonl").find("talks.jsonl:2"), std::string::npos);
  EXPECT_EQ(rewrite("--overwrite true --output " + path("new.jsonl")).code, 2) << "half of the rows are bad";
}

TEST_F(DataRewrite, NothingIsChangedInPlace) {
  EXPECT_NE(rewrite("--output " + path("rows.jsonl")).text.find("rows.jsonl exists"), std::string::npos);
  const Outcome o = rewrite("--overwrite true --output " + path("talks.jsonl"));
  EXPECT_EQ(o.code, 2);
  EXPECT_NE(o.text.find("is one of the files that are read"), std::string::npos) << o.text;
  EXPECT_NE(
      run_keel("data rewrite --dataset a.jsonl --output b.jsonl").text.find("model_name_or_path: not given"),
      std::string::npos);
}

TEST_F(DataCommand, CheckOfALeakEndsWithOne) {
  const Outcome o =
      run_keel("data check --dataset " + path("rows.jsonl") + " --eval_dataset " + path("val.jsonl"));
  EXPECT_EQ(o.code, 1);
  EXPECT_NE(o.text.find("ERROR [leak_exact] 2 validation rows (100 %) stand in the training set."),
            std::string::npos)
      << o.text;
}

TEST_F(DataCommand, CheckTriesStepsToTellTheTime) {
  fs::create_directory(dir_ / "model");
  test::make_tiny_chat_model(dir_ / "model");
  const std::string check = "data check --dataset " + path("rows.jsonl");
  const std::string model = " --precision fp32 --model_name_or_path " + path("model");
  EXPECT_NE(run_keel(check + model).text.find("time and memory: not measured (--measure_steps 3"),
            std::string::npos);
  const Outcome o = run_keel(check + model + " --measure_steps 2 --json " + path("check.json"));
  EXPECT_EQ(o.code, 0) << o.text;
  EXPECT_NE(o.text.find("GB (2 steps tried)"), std::string::npos) << o.text;
  const Json found = read_json(dir_ / "check.json");
  const double steps = found["plan"]["steps"], samples = found["plan"]["samples_per_step"];
  const double tokens = found["sources"][0]["tokens"], rows = found["sources"][0]["rows"];
  const double seconds = steps * samples * tokens / rows / found["speed"]["tokens_per_s"].get<double>();
  EXPECT_GT(seconds, 0);
  EXPECT_DOUBLE_EQ(found["speed"]["seconds"].get<double>(), seconds);
  EXPECT_NE(run_keel(check + " --measure_steps 2").text.find("measure_steps: no model_name_or_path\n"),
            std::string::npos);
}

TEST_F(DataCommand, CheckCountsTokensWithoutWeights) {
  fs::create_directory(dir_ / "model");
  test::make_tiny_chat_model(dir_ / "model");
  fs::remove(dir_ / "model/model.safetensors");
  write_file(dir_ / "run.yaml", "model_name_or_path: " + path("model") + "\ndataset: " + path("rows.jsonl") +
                                    "\nnum_train_epochs: 2\noutput_dir: x\ntoken_weighting: nlirg\n");
  const Outcome o = run_keel("data check " + path("run.yaml"));
  EXPECT_EQ(o.code, 0) << o.text;
  EXPECT_NE(o.text.find("steps: 42 samples at 4 a step: 11 a pass, 22 in all (2 passes)"), std::string::npos)
      << o.text;
  EXPECT_NE(o.text.find("All 42 trained turns end with a trained end of turn."), std::string::npos);
}

TEST_F(DataCommand, TrainingBeginsWithTheShortForm) {
  fs::create_directory(dir_ / "model");
  test::make_tiny_chat_model(dir_ / "model");
  const Outcome o = run_keel("train --model_name_or_path " + path("model") + " --dataset " +
                             path("rows.jsonl") + " --eval_dataset " + path("val.jsonl") +
                             " --max_steps 1 --sample_count 0 --precision fp32 --output_dir " + path("run"));
  EXPECT_EQ(o.code, 0) << o.text;
  EXPECT_NE(o.text.find("warning: data: 1 row (2.4 %) repeats an earlier row word for word. First: "),
            std::string::npos)
      << o.text;
  EXPECT_NE(o.text.find("warning: data: 2 validation rows (100 %) stand in the training set."),
            std::string::npos);
}

TEST_F(DataCommand, CleanWritesANewFileAndALog) {
  const std::string args =
      "data clean --dataset " + path("rows.jsonl") + " --mask_personal_data true --output ";
  const Outcome o = run_keel(args + path("new.jsonl"));
  EXPECT_EQ(o.code, 0) << o.text;
  EXPECT_NE(o.text.find("new.jsonl: 41 rows kept, 1 left out, 1 item masked"), std::string::npos) << o.text;
  const std::vector<std::string> rows = lines("new.jsonl"), log = lines("new.log.jsonl");
  ASSERT_EQ(rows.size(), 41U);
  EXPECT_EQ(parse_json(rows.back(), "row")["messages"][1]["content"],
            "to [email] please, as soon as you can");
  ASSERT_EQ(log.size(), 2U);
  EXPECT_EQ(parse_json(log[0], "log")["why"], "repeats " + path("rows.jsonl") + ":1");
  EXPECT_EQ(run_keel("data check --dataset " + path("new.jsonl")).code, 0);
  const Outcome again = run_keel(args + path("new.jsonl"));
  EXPECT_EQ(again.code, 2);
  EXPECT_NE(again.text.find("new.jsonl exists"), std::string::npos) << again.text;
  EXPECT_EQ(run_keel(args + path("new.jsonl") + " --overwrite true").code, 0);
  const Outcome in_place = run_keel(args + path("rows.jsonl") + " --overwrite true");
  EXPECT_EQ(in_place.code, 2);
  EXPECT_NE(in_place.text.find("nothing is changed in place"), std::string::npos) << in_place.text;
  EXPECT_EQ(lines("rows.jsonl").size(), 42U);
}

TEST_F(DataCommand, CleanNeverReplacesWhatItReads) {
  write_file(dir_ / "list.yaml", "datasets:\n  - path: " + path("rows.jsonl") + "\n");
  fs::create_directory(dir_ / "folder");
  test::make_rows(dir_ / "folder/rows.jsonl", 3);
  for (const std::string& args : {path("list.yaml") + " --output " + path("rows.jsonl"),
                                  "--dataset " + path("folder") + " --output " + path("folder/rows.jsonl"),
                                  "--dataset " + path("*.jsonl") + " --output " + path("val.jsonl"),
                                  "--dataset " + path("rows.jsonl") + " --eval_dataset " + path("val.jsonl") +
                                      " --output " + path("val.jsonl")}) {
    const Outcome o = run_keel("data clean " + args + " --overwrite true");
    EXPECT_EQ(o.code, 2) << args;
    EXPECT_NE(o.text.find("is one of the files that are read"), std::string::npos) << o.text;
  }
  EXPECT_EQ(lines("rows.jsonl").size(), 42U);
  EXPECT_EQ(lines("val.jsonl").size(), 2U);
}

TEST_F(DataCommand, MistakesAreTold) {
  const auto says = [](const std::string& args, const char* text) {
    const Outcome o = run_keel(args);
    EXPECT_EQ(o.code, 2) << args;
    EXPECT_NE(o.text.find(text), std::string::npos) << o.text;
  };
  says("data", "check, preview, clean, rewrite");
  says("data chek", "Did you mean \"check\"?");
  says("data check", "dataset");
  says("data check --dataset nowhere.jsonl", "no such file");
  says("data check --dataset " + path("rows.jsonl") + " --val_size 0.1 --eval_dataset " + path("val.jsonl"),
       "one of them");
  says("data check --dataset " + path("rows.jsonl") + " --near_treshold 0.9", "near_threshold");
  says("data clean --dataset " + path("rows.jsonl"), "a new file: --output new.jsonl");
  EXPECT_EQ(run_keel("data --help").code, 0);
  EXPECT_EQ(run_keel("data clean --help").code, 0);
}

}  // namespace
}  // namespace keel
