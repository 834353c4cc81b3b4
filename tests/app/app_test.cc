#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "app/program.h"

namespace keel {
namespace {

using test::run_keel;
using testing::HasSubstr;

class App : public test::TrainingTest {
 protected:
  std::string train_args(const std::string& out) const {
    return TrainingTest::train_args(out, "--num_train_epochs 6 --val_size 0.2 --max_new_tokens 8");
  }
};

TEST_F(App, TrainLearnsAndLeavesAWholeRunFolder) {
  const auto out = run_keel(train_args("run"));
  ASSERT_EQ(out.code, 0) << out.text;
  for (const char* name :
       {"config.yaml", "metrics.jsonl", "summary.json", "report.html", "model/model.safetensors",
        "model/config.json", "model/tokenizer.json", "model/tokenizer_config.json"})
    EXPECT_TRUE(fs::exists(dir_ / ("run/" + std::string(name)))) << name;
  std::vector<double> eval;
  for (const Json& row : metrics("run")) {
    if (row.contains("eval_loss")) eval.push_back(row["eval_loss"].get<double>());
  }
  ASSERT_GE(eval.size(), 2u);
  EXPECT_LT(eval.back(), 0.5 * eval.front());
  EXPECT_TRUE(read_json(dir_ / "run/summary.json")["samples"][0]["answers"].size() == 2);
}

TEST_F(App, TheSameConfigGivesTheSameWeights) {
  ASSERT_EQ(run_keel(train_args("a")).code, 0);
  const std::string config = path("a/config.yaml");
  const auto again = run_keel("train " + config + " --output_dir " + path("b"));
  ASSERT_EQ(again.code, 0) << again.text;
  EXPECT_EQ(read_text(dir_ / "a/model/model.safetensors"), read_text(dir_ / "b/model/model.safetensors"));
}

TEST_F(App, EvalAndGenerateUseTheSavedModel) {
  ASSERT_EQ(run_keel(train_args("run")).code, 0);
  const auto eval =
      run_keel("eval --model_name_or_path " + path("run/model") + " --dataset " + path("rows.jsonl") +
               " --precision fp32 --per_token true --output_dir " + path("eval"));
  ASSERT_EQ(eval.code, 0) << eval.text;
  const Json result = read_json(dir_ / "eval/results.json");
  EXPECT_EQ(result["rows"], 40);
  double sum = 0;
  int64_t tokens = 0;
  std::istringstream in(read_text(dir_ / "eval/per_token.jsonl"));
  for (std::string line; std::getline(in, line);) {
    const Json row = Json::parse(line);
    EXPECT_EQ(row["ids"].size(), row["nll"].size());
    EXPECT_EQ(row["ids"].size(), row["entropy"].size());
    // A row ends "<|im_end|>\n": the end of turn is trained and counted where it is predicted, one place
    // before itself.
    const size_t n = row["nll"].size();
    EXPECT_NE(row["nll"][n - 3].get<double>(), 0);
    EXPECT_EQ(row["nll"][n - 2].get<double>(), 0);
    for (const Json& nll : row["nll"]) sum += nll.get<double>(), tokens += nll.get<double>() != 0;
  }
  EXPECT_EQ(tokens, result["tokens"].get<int64_t>());
  EXPECT_NEAR(sum / static_cast<double>(tokens), result["nll"].get<double>(), 1e-6);
  const auto said =
      run_keel("generate --model_name_or_path " + path("run/model") +
               " --prompt 'say c 99' --precision fp32 --max_new_tokens 8 --output " + path("answers.jsonl"));
  ASSERT_EQ(said.code, 0) << said.text;
  const Json answer =
      read_json(dir_ / "answers.jsonl");  // a letter three times, then the end: what was trained
  EXPECT_THAT(answer["answer"].get<std::string>(),
              testing::AnyOf("aaa", "bbb", "ccc", "ddd", "eee", "fff", "ggg", "hhh"));
  EXPECT_EQ(answer["stopped"], true);
}

TEST_F(App, LoraTrainsSavesContinuesAndMerges) {
  const std::string lora = "--finetuning_type lora --lora_rank 8 --lora_target all ";
  const auto first = run_keel(train_args("lora") + lora);
  ASSERT_EQ(first.code, 0) << first.text;
  EXPECT_TRUE(fs::exists(dir_ / "lora/model/adapter_model.safetensors"));
  EXPECT_FALSE(fs::exists(dir_ / "lora/model/model.safetensors"));
  const auto more = run_keel(train_args("more") + lora + "--adapter_name_or_path " + path("lora/model"));
  ASSERT_EQ(more.code, 0) << more.text;
  EXPECT_LT(metrics("more").front()["eval_loss"].get<double>(),
            metrics("lora").front()["eval_loss"].get<double>());
  const auto merged = run_keel("merge --model_name_or_path " + path("model") + " --adapter_name_or_path " +
                               path("lora/model") + " --output_dir " + path("merged"));
  ASSERT_EQ(merged.code, 0) << merged.text;
  EXPECT_THAT(merged.text, HasSubstr("largest logit difference"));
  const auto eval = [&](const std::string& args) {
    const auto out = run_keel("eval --dataset " + path("rows.jsonl") + " --precision fp32 --output_dir " +
                              path("e") + " " + args);
    EXPECT_EQ(out.code, 0) << out.text;
    return read_json(dir_ / "e/results.json")["nll"].get<double>();
  };
  const double unmerged =
      eval("--model_name_or_path " + path("model") + " --adapter_name_or_path " + path("lora/model"));
  EXPECT_NEAR(unmerged, eval("--model_name_or_path " + path("merged")), 1e-5);
}

TEST_F(App, TokenBatchStepsPerWindow) {
  const auto out = run_keel(train_args("run") +
                            "--token_batch 2 --per_device_train_batch_size 1 --gradient_accumulation_steps 1 "
                            "--num_train_epochs 1 --val_size 0 --learning_rate 0.001");
  ASSERT_EQ(out.code, 0) << out.text;
  int steps = 0;
  for (const Json& row : metrics("run")) steps += row.contains("token_batch");
  EXPECT_EQ(steps, 2 * 40);  // "aaa" and its end of turn: two windows a row
}

TEST_F(App, ProfileSaysWhereTheTimeOfTheStepsWentAndChangesNoWeight) {
  const std::string plan = " --max_steps 4 --eval_steps 1 --sample_count 0";
  ASSERT_EQ(run_keel(train_args("plain") + plan).code, 0);
  const auto profiled = run_keel(train_args("profiled") + plan + " --profile");
  ASSERT_EQ(profiled.code, 0) << profiled.text;
  EXPECT_THAT(profiled.text, HasSubstr("where the time of 2 steps went: "));
  const Json profile = read_json(dir_ / "profiled/profile.json");
  EXPECT_EQ(profile["steps"], 2);
  EXPECT_GT(profile["seconds_by_work"]["aside"], 0) << "the evaluations";
  EXPECT_GT(profile["seconds_by_work"]["data"], 0);
  EXPECT_FALSE(fs::exists(dir_ / "plain/profile.json"));
  EXPECT_EQ(read_text(dir_ / "plain/model/model.safetensors"),
            read_text(dir_ / "profiled/model/model.safetensors"));
}

TEST_F(App, CachedPrefixSaysThatItIsApproximateAndByHowMuch) {
  const auto out = run_keel(train_args("run") +
                            "--token_batch 2 --token_batch_prefix cached --per_device_train_batch_size 1 "
                            "--gradient_accumulation_steps 1 --num_train_epochs 2 --val_size 0");
  ASSERT_EQ(out.code, 0) << out.text;
  EXPECT_THAT(out.text, HasSubstr("token_batch_prefix: cached is approximate; every 50th sample measures"));
  EXPECT_THAT(out.text, HasSubstr("cached, measured against exact on 2 windows: mean prefix_loss_error "));
}

TEST_F(App, ContinuedPretrainingLowersTheLossOfText) {
  std::string lines;
  for (int i = 0; i < 30; ++i)
    lines += Json{{"text", "the tide comes in and the tide goes out again"}}.dump() + "\n";
  write_file(dir_ / "text.jsonl", lines);
  const auto out = run_keel(
      "train --stage cpt --model_name_or_path " + path("model") + " --dataset " + path("text.jsonl") +
      " --eval_dataset " + path("text.jsonl") + " --output_dir " + path("cpt") +
      " --learning_rate 0.01 --num_train_epochs 8 --cutoff_len 128 --precision fp32 --token_weighting none");
  ASSERT_EQ(out.code, 0) << out.text;
  const auto rows = metrics("cpt");
  EXPECT_LT(rows.back()["eval_loss"].get<double>(), 0.5 * rows.front()["eval_loss"].get<double>());
}

// The signal comes twice, as from `timeout` or a scheduler that sends it to the process and to its group.
TEST_F(App, InterruptEndsTheStepSavesAndSaysHowToGoOn) {
  const std::string twice_once_it_steps =
      "sh -c '\"$@\" & p=$!; until grep -qs tokens_per_s " + path("run/metrics.jsonl") +
      "; do kill -0 $p || exit 1; sleep 0.1; done; kill -INT $p; kill -INT $p; wait $p' sh";
  const auto out =
      run_keel(train_args("run") + "--max_steps 1000000 --eval_steps 1000000 --save_steps 1000000",
               twice_once_it_steps);
  EXPECT_EQ(out.code, 130) << out.text;
  EXPECT_THAT(out.text, HasSubstr("stopping after this step and saving"));
  EXPECT_THAT(out.text, HasSubstr("to go on: keel train " + path("run/config.yaml") + " --resume"));
  const auto checkpoints = fs::directory_iterator(dir_ / "run/checkpoints");
  ASSERT_NE(checkpoints, fs::directory_iterator());
  for (const char* name :
       {"optimizer.safetensors", "trainer_state.json", "checksums.json", "model.safetensors"})
    EXPECT_TRUE(fs::exists(checkpoints->path() / name)) << name;
}

TEST_F(App, AnUntrainedEndOfTurnIsWarnedAbout) {
  EXPECT_THAT(run_keel(train_args("fine") + "--max_steps 1").text,
              testing::Not(HasSubstr("looks untrained")));
  TensorMap weights = load_safetensors(dir_ / "model/model.safetensors");
  for (auto& [name, tensor] : weights) tensor = tensor.clone();
  weights["model.embed_tokens.weight"][-1].mul_(0.01);  // <|im_end|> is the last token
  save_safetensors(dir_ / "model/model.safetensors", weights);
  EXPECT_THAT(run_keel(train_args("cold") + "--max_steps 1").text,
              HasSubstr("the embedding of <|im_end|> (end of turn) looks untrained"));
}

TEST_F(App, NewTokensGrowTheModelAndAreSavedWithIt) {
  const auto out = run_keel(train_args("run") + "--add_tokens '<note>' --max_steps 2");
  ASSERT_EQ(out.code, 0) << out.text;
  const int64_t before = read_json(dir_ / "model/config.json")["vocab_size"].get<int64_t>();
  EXPECT_EQ(read_json(dir_ / "run/model/config.json")["vocab_size"].get<int64_t>(), before + 1);
  EXPECT_THAT(read_text(dir_ / "run/model/tokenizer.json"), HasSubstr("<note>"));
  EXPECT_EQ(
      run_keel("generate --model " + path("run/model") + " --prompt 'say a <note>' --max_new_tokens 4").code,
      0);
}

struct BadInput {
  const char* name;
  std::string args;
  std::string text;
};

TEST_F(App, BadInputIsExplainedWithExitCodeTwoAndLeavesNothing) {
  write_file(dir_ / "empty.jsonl", "");
  write_file(dir_ / "noanswer.jsonl", R"({"instruction": "hello", "output": ""})"
                                      "\n");
  make_folders(dir_ / "cut");
  test::make_tiny_chat_model(dir_ / "cut");
  fs::resize_file(dir_ / "cut/model.safetensors", 5000);
  make_folders(dir_ / "noweights");
  test::make_tiny_chat_model(dir_ / "noweights");
  fs::remove(dir_ / "noweights/model.safetensors");
  make_folders(dir_ / "nan");
  test::make_tiny_chat_model(dir_ / "nan");
  TensorMap weights = load_safetensors(dir_ / "nan/model.safetensors");
  for (auto& [name, tensor] : weights) tensor = tensor.clone();
  weights["model.norm.weight"][3] = NAN;
  save_safetensors(dir_ / "nan/model.safetensors", weights);
  const std::string rest = " --output_dir " + path("bad") + " --dataset " + path("rows.jsonl");
  const std::vector<BadInput> cases{
      {"unknown command", "trian", "Did you mean \"train\"?"},
      {"misspelt option", "train --model " + path("model") + rest + " --learning_rat 1", "learning_rate"},
      {"unsupported option", "train --model " + path("model") + rest + " --use_dora true", "not supported"},
      {"no model folder", "train --model " + path("nowhere") + rest, "nowhere"},
      {"cut weights", "train --model " + path("cut") + rest, "model.safetensors"},
      {"missing weights", "train --model " + path("noweights") + rest, "noweights"},
      {"NaN in the weights", "train --model " + path("nan") + rest, "model.norm.weight"},
      {"empty dataset",
       "train --model " + path("model") + " --output_dir " + path("bad") + " --dataset " +
           path("empty.jsonl"),
       "empty.jsonl"},
      {"row without an answer",
       "train --model " + path("model") + " --output_dir " + path("bad") + " --dataset " +
           path("noanswer.jsonl"),
       "noanswer.jsonl"},
      {"no permission",
       "train --model " + path("model") + " --output_dir /proc/keel --dataset " + path("rows.jsonl"),
       "/proc/keel"},
  };
  for (const BadInput& c : cases) {
    const auto out = run_keel(c.args);
    EXPECT_EQ(out.code, 2) << c.name << ": " << out.text;
    EXPECT_THAT(out.text, HasSubstr(c.text)) << c.name;
    EXPECT_FALSE(fs::exists(dir_ / "bad/model")) << c.name;
  }
}

TEST_F(App, AFullOutputFolderIsNotOverwritten) {
  make_folders(dir_ / "run");
  write_file(dir_ / "run/precious.txt", "mine");
  const auto out = run_keel(train_args("run"));
  EXPECT_EQ(out.code, 2);
  EXPECT_THAT(out.text, HasSubstr("is not empty"));
  EXPECT_EQ(read_text(dir_ / "run/precious.txt"), "mine");
}

TEST_F(App, HelpAndVersionPrint) {
  const auto help = run_keel("train --help");
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.text, HasSubstr("learning_rate"));
  const auto version = run_keel("version");
  EXPECT_EQ(version.code, 0);
  EXPECT_THAT(version.text, HasSubstr("libtorch"));
}

}  // namespace
}  // namespace keel
