// The whole of a training run's options: names, cross-field checks, round trip, help, recipes.
#include "config/run_config.h"

#include <fmt/format.h>

#include <set>

#include "base/names.h"
#include "config/dump.h"
#include "config/help.h"
#include "config/support.h"
#include "config/translate.h"
#include "config/unsupported.h"

namespace keel::test {
namespace {

using Words = std::vector<std::string>;

LoadedRun load(Words args) { return load_run_config(with_basics(std::move(args))); }
std::string error(Words args) { return load_error(with_basics(std::move(args))); }

TEST(RunConfigNames, AreUniqueAndTold) {
  RunConfig config;
  std::set<std::string> seen;
  for (const FieldRef& field : config.fields()) {
    EXPECT_TRUE(seen.insert(field.name).second) << field.name;
    for (const std::string& alias : field.extra.aliases) EXPECT_TRUE(seen.insert(alias).second) << alias;
    EXPECT_FALSE(field.help.empty()) << field.name;
    EXPECT_FALSE(field.group.empty()) << field.name;
  }
}

TEST(RunConfigNames, AreNotInTheTableOfWhatIsMissing) {
  RunConfig config;
  for (const FieldRef& field : config.fields()) {
    EXPECT_EQ(unsupported_reason(field.name), "") << field.name;
    for (const std::string& alias : field.extra.aliases) EXPECT_EQ(unsupported_reason(alias), "") << alias;
  }
}

TEST(TranslationTable, PointsAtFieldsThatExistWithValuesTheyTake) {
  for (const Rule& rule : translation_rules()) {
    if (rule.target.empty()) {
      EXPECT_FALSE(rule.text.empty()) << rule.key << " is ignored or refused without a reason";
      continue;
    }
    if (rule.to == "=" || rule.to == "!") continue;
    RunConfig config;
    EXPECT_NO_THROW(parse_options(config.fields(), {fmt::format("--{}={}", rule.target, rule.to)}))
        << rule.key << " -> " << rule.target << ": " << rule.to;
  }
}

TEST(Validate, WhatIsMissingIsSaidTogether) {
  EXPECT_EQ(load_error({}),
            "3 mistakes in the options:\n"
            "  1. model_name_or_path: not given; wanted a Hugging Face folder, such as models/smollm2-135m\n"
            "  2. dataset: not given; wanted one or more training files, such as train.jsonl\n"
            "  3. output_dir: not given; wanted a folder for the run, such as runs/first");
  EXPECT_EQ(load_error({"--model", "m", "--datset", "d", "--output_dir", "o"}),
            "command line: unknown option '--datset'. Did you mean '--dataset'?")
      << "the missing dataset is the misspelt one";
}

TEST(Validate, TokenBatchStepsInsideOneSample) {
  const LoadedRun run = load({"--token_batch", "10", "--loss_reduction", "turn"});
  EXPECT_EQ(run.config.train.per_device_train_batch_size, 1) << "the default gives way";
  EXPECT_TRUE(
      has_note(run.parsed, "ignored: loss_reduction (--loss_reduction): under token_batch each window is"))
      << all_notes(run.parsed);
  EXPECT_EQ(error({"--token_batch", "10", "--batch_size", "4"}),
            "--batch_size: per_device_train_batch_size: 4 together with token_batch: 10\n"
            "  wanted: 1: token_batch takes its steps inside one sample\n"
            "  try:    leave per_device_train_batch_size out");
  EXPECT_EQ(error({"--token_batch", "10", "--gradient_accumulation_steps", "2"}),
            "--gradient_accumulation_steps: gradient_accumulation_steps: 2 together with token_batch: 10\n"
            "  wanted: 1: token_batch takes its steps inside one sample\n"
            "  try:    leave gradient_accumulation_steps out");
  EXPECT_EQ(error({"--ytrainer_compat"}),
            "--ytrainer_compat: ytrainer_compat without token_batch\n"
            "  wanted: token_batch: 10, or another size above 0");
  EXPECT_EQ(error({"--dynamic_token_batch", "true"}),
            "--dynamic_token_batch: dynamic_token_batch without token_batch\n"
            "  wanted: token_batch: 10, or another size above 0");
  EXPECT_EQ(error({"--token_batch_prefix", "cached"}),
            "--token_batch_prefix: token_batch_prefix without token_batch\n"
            "  wanted: token_batch: 10, or another size above 0");
  EXPECT_EQ(error({"--token_batch", "10", "--token_batch_prefix", "cached", "--ytrainer_compat"}),
            "--token_batch_prefix: token_batch_prefix: cached together with ytrainer_compat\n"
            "  wanted: token_batch_prefix: exact: Y-Trainer computes the prefix anew for each window");
  EXPECT_EQ(load({"--token_batch_prefix", "exact"}).config.train.token_batch_prefix, "exact")
      << "the default";
  EXPECT_EQ(error({"--token_batch", "10", "--stage", "cpt"}),
            "--token_batch: token_batch: 10 in stage cpt\n  wanted: stage: sft");
}

TEST(Validate, Tuning) {
  EXPECT_EQ(load({"--use_lora"}).config.model.lora_alpha, 32) << "twice the rank";
  EXPECT_EQ(load({"--use_lora", "--lora_rank", "4"}).config.model.lora_alpha, 8);
  EXPECT_EQ(load({"--adapter_name_or_path", "a"}).config.model.finetuning_type, "lora");
  EXPECT_EQ(error({"--adapter_name_or_path", "a", "--finetuning_type", "full"}),
            "--adapter_name_or_path: adapter_name_or_path with finetuning_type: full\n"
            "  wanted: finetuning_type: lora\n"
            "  try:    keel merge makes a whole model of base and adapter, which full tuning can start from");
  EXPECT_TRUE(has_note(load({"--lora_rank", "4"}).parsed,
                       "ignored: lora_rank (--lora_rank): finetuning_type is full"));
}

TEST(Validate, DataAndSchedule) {
  EXPECT_EQ(error({"--val_size", "0.1", "--eval_dataset", "e.jsonl"}),
            "--val_size: val_size together with eval_dataset\n  wanted: one of the two");
  EXPECT_EQ(error({"--val_size", "1.5"}),
            "--val_size: val_size: 1.5\n  wanted: a share below 1 or a whole number of rows");
  EXPECT_EQ(error({"--epochs", "0"}),
            "--epochs: neither epochs nor steps to train\n  wanted: num_train_epochs or max_steps above 0");
  EXPECT_EQ(error({"--early_stopping_patience", "2"}),
            "--early_stopping_patience: early_stopping_patience without validation data\n"
            "  wanted: eval_dataset or val_size");
  EXPECT_EQ(error({"--checkpoint_epoch", "0,last"}),
            "--checkpoint_epoch: checkpoint_epoch: 'last'\n  wanted: epoch numbers from 0, such as 0,1");
  EXPECT_EQ(load_error({"--model", "x/m", "--dataset", "d", "--output_dir", "x/./m"}),
            "--output_dir: output_dir is the folder of the model itself\n  wanted: another folder");
  EXPECT_TRUE(has_note(load({"--max_steps", "5", "--epochs", "2"}).parsed,
                       "ignored: num_train_epochs (--epochs): max_steps decides"));
  EXPECT_TRUE(has_note(load({"--nlirg_k", "2", "--token_weighting", "dft"}).parsed,
                       "ignored: nlirg_k (--nlirg_k): token_weighting is dft"));
  EXPECT_EQ(load({"--seed", "7"}).config.generate.seed, 7);
}

TEST(Validate, ControlsOfAWeighting) {
  const auto refusal = [](std::vector<std::string> more) {
    std::vector<std::string> args{"--weighting_control", "scaled"};
    args.insert(args.end(), more.begin(), more.end());
    return load_error(with_basics(args));
  };
  EXPECT_NO_THROW(load_run_config(with_basics({"--weighting_control", "scaled"})));
  EXPECT_EQ(refusal({"--token_weighting", "none"}),
            "--weighting_control: weighting_control: scaled of token_weighting: none\n"
            "  wanted: a weighting that it is the control of");
  EXPECT_NE(refusal({"--max_turn_loss", "2"}).find("weighting_control: scaled together with max_turn_loss"),
            std::string::npos);
  EXPECT_NE(refusal({"--protect"}).find("weighting_control: scaled together with kl_replay"),
            std::string::npos);
  EXPECT_NE(refusal({"--token_batch", "10", "--per_device_train_batch_size", "1",
                     "--gradient_accumulation_steps", "1", "--ytrainer_compat", "true"})
                .find("weighting_control: scaled together with ytrainer_compat"),
            std::string::npos);
}

TEST(Validate, Teaching) {
  const auto config = [](Words args) { return load_run_config(with_basics(args)).config.protection; };
  EXPECT_TRUE(config({"--teacher_model_path", "big"}).distill);
  EXPECT_EQ(error({"--teacher_model_path", "big", "--distill", "false"}),
            "--teacher_model_path: teacher_model_path with distill: false\n  wanted: one of the two");
  EXPECT_EQ(error({"--distill", "--kl_train", "1"}),
            "--kl_train: kl_train together with distill\n  wanted: one of the two\n"
            "  try:    both pull to another model on the trained tokens");
  EXPECT_EQ(error({"--kl_train", "1", "--token_weighting", "gem"}),
            "--kl_train: kl_train together with token_weighting: gem\n  wanted: one of the two\n"
            "  try:    gem has no loss of the label alone that could be weighed against the teacher's");
  EXPECT_EQ(error({"--distill", "--weighting_control", "permuted"}),
            "--distill: distill together with weighting_control\n  wanted: one of the two\n"
            "  try:    a control shows what a weighting is worth, by itself");
  EXPECT_NE(all_notes(load_run_config(with_basics({"--coefficient_of_origin_loss", "0.2"})).parsed)
                .find("distill is off"),
            std::string::npos);
}

// What protect sets gives way to what the user sets, and is left out where it has no sense.
TEST(Validate, Protection) {
  using Names = std::vector<std::string>;
  const auto load = [](Words args) {
    args.insert(args.begin(), "--protect");
    return load_run_config(with_basics(args));
  };
  const auto protecting = load({});
  EXPECT_EQ(protecting.config.protection.kl_replay, 1);
  EXPECT_EQ(protecting.config.model.freeze, Names{"*.embed_tokens.*"});
  EXPECT_NE(all_notes(protecting.parsed).find("freeze: *.embed_tokens.*, as protect is set"),
            std::string::npos);
  EXPECT_EQ(load({"--kl_replay", "0.3"}).config.protection.kl_replay, 0.3);
  EXPECT_EQ(load({"--freeze", "*.layers.0.*"}).config.model.freeze, Names{"*.layers.0.*"});
  EXPECT_EQ(load({"--freeze", "[]"}).config.model.freeze, Names{});
  EXPECT_EQ(load({"--finetuning_type", "lora"}).config.model.freeze, Names{})
      << "nothing but the adapter is trained";
  EXPECT_EQ(load({"--add_tokens", "<a>"}).config.model.freeze, Names{}) << "new tokens have rows to learn";
  EXPECT_EQ(load_run_config(with_basics({})).config.model.freeze, Names{});
}

TEST(Validate, BestModel) {
  EXPECT_EQ(error({"--metric_for_best_model", "frontier"}),
            "2 mistakes in the options:\n"
            "  1. --metric_for_best_model: metric_for_best_model: frontier without general text; wanted "
            "general_dataset: FILE\n"
            "  2. --metric_for_best_model: metric_for_best_model: frontier without validation data; wanted "
            "eval_dataset or val_size");
  EXPECT_EQ(error({"--metric_for_best_model", "kl_from_start"}),
            "--metric_for_best_model: metric_for_best_model: kl_from_start, which this run does not measure\n"
            "  wanted: kl_replay above 0");
  EXPECT_NO_THROW(load_run_config(with_basics({"--metric_for_best_model", "frontier", "--general_dataset",
                                               "g", "--val_size", "5", "--early_stopping_patience", "2"})));
  EXPECT_EQ(error({"--gates", R"({"rep4": {"max": 0.2}})", "--monitor_share", "0"}),
            "--gates: a gate on rep4, which this run does not measure\n  wanted: monitor_share above 0");
}

TEST(Validate, Gem) {
  EXPECT_EQ(error({"--token_weighting", "gem", "--max_turn_loss", "2"}),
            "--max_turn_loss: max_turn_loss together with token_weighting: gem\n  wanted: one of the two\n"
            "  try:    gem's loss is not that of the label, which the limit is of");
  EXPECT_EQ(error({"--token_weighting", "gem", "--weighting_control", "scaled"}),
            "--weighting_control: weighting_control: scaled of token_weighting: gem\n"
            "  wanted: a weighting that it is the control of");
  EXPECT_NE(all_notes(load_run_config(with_basics({"--token_weighting", "gem", "--psft_clip", "1"})).parsed)
                .find("token_weighting is gem"),
            std::string::npos);
}

TEST(Validate, ListsOfNumbers) {
  const std::vector<std::string> enough{"--val_size", "0.1", "--general_dataset", "g.jsonl", "--interpolate"};
  const auto load = [&](const std::string& value) {
    std::vector<std::string> args = enough;
    args.push_back(value);
    return load_run_config(with_basics(args)).config;
  };
  EXPECT_EQ(load("0.5,0.75").protection.interpolate, (std::vector<double>{0.5, 0.75}));
  EXPECT_EQ(load("[0.5, 0.75]").protection.interpolate, (std::vector<double>{0.5, 0.75}));
  for (const char* wrong : {"0.5,1.5", "0.5,half", "0"})
    EXPECT_NE(test::error_of([&] { load(wrong); }).find("wanted: a list of numbers from 0.01 to 0.99"),
              std::string::npos)
        << wrong;
}

TEST(Validate, Mixing) {
  EXPECT_EQ(error({"--dmt_k", "0.5"}),
            "dmt_k: dmt_k: 0.5 with mix_strategy: concat\n  wanted: mix_strategy: dmt\n"
            "  try:    leave dmt_k out");
  const std::string sources = R"([{"path":"a","stage":1},{"path":"b","stage":2,"eval":"c"}])";
  const auto sequential = [&](Words more) {
    Words args{"--model", "m", "--output_dir", "out", "--mix_strategy", "sequential", "--datasets", sources};
    args.insert(args.end(), more.begin(), more.end());
    return args;
  };
  EXPECT_EQ(all_notes(load_run_config(sequential({"--replay_ratio", "0.2", "--eval_steps", "5"})).parsed),
            "");
  EXPECT_EQ(load_error(sequential({"--max_steps", "9"})),
            "max_steps: max_steps: 9 with 2 stages\n  wanted: stages: [{max_steps: …}, …]\n"
            "  try:    num_train_epochs holds for every stage that does not say its own");
  EXPECT_EQ(load_error(sequential({"--val_size", "0.1"})),
            "--val_size: val_size together with eval in the datasets list\n  wanted: one of the two");
  EXPECT_EQ(error({"--order_by", "length", "--stage", "cpt"}),
            "--order_by: order_by: length with packed texts\n  wanted: packing: false\n"
            "  try:    a packed row holds texts of all kinds");
  TempDir dir;
  write_file(dir / "run.yaml",
             "model: m\noutput_dir: o\nmix_strategy: sequential\ndatasets: [{path: a, stage: 1}, b]\n"
             "stages: [{epoch: 2}]\n");
  const std::string file = (dir / "run.yaml").string();
  EXPECT_EQ(load_error({file}),
            "2 mistakes in the options:\n"
            "  1. " +
                file +
                ":4: datasets: no stage for b, and mix_strategy: sequential; wanted stage: 1, stage: "
                "2, … for each source; sources with more than a path stand in the datasets list\n"
                "  2. " +
                file +
                ":4: datasets: one stage alone, and mix_strategy: sequential; wanted two stages or "
                "more; mix_strategy: multi_task trains all sources together");
}

Words values_of(RunConfig& config) {
  Words out;
  const std::string text = dump_config(config.fields());
  for (const std::string& line : split(text, '\n'))
    if (!line.starts_with('#')) out.push_back(line);
  return out;
}

// Names with spaces, quotes, commas, other scripts, and words that YAML would take for something else.
TEST(Dump, ReadsBackToTheSameValues) {
  RunConfig config = load({"--val_size", "0.125"}).config;
  config.model.model_name_or_path = "models/a b: \"c\" #1";
  config.data.dataset = {"a,b.jsonl", "true", "1e5", "港口.jsonl", "- x"};
  config.data.default_system = "Line one\nline two\t\\ 'and' null";
  config.optim.learning_rate = 1.0 / 3.0;
  config.optim.adam_epsilon = 1e-300;
  config.loss.token_weighting = "none";
  config.train.checkpoint_epoch = {"0", "1"};
  config.model.add_tokens = {"<|a|>", "", "~"};
  TempDir dir;
  write_file(dir / "config.yaml", dump_config(config.fields()));
  LoadedRun again = load_run_config({dir / "config.yaml"});
  EXPECT_EQ(again.config.data.dataset, config.data.dataset);
  EXPECT_EQ(again.config.data.default_system, config.data.default_system);
  EXPECT_EQ(again.config.optim.learning_rate, config.optim.learning_rate);
  EXPECT_EQ(again.config.model.add_tokens, config.model.add_tokens);
  EXPECT_EQ(values_of(again.config), values_of(config));
}

TEST(Dump, OfARunIsReadBackWithoutNotes) {
  for (const char* tuning : {"full", "lora"}) {
    RunConfig config = load({"--finetuning_type", tuning, "--token_batch", "10"}).config;
    TempDir dir;
    write_file(dir / "config.yaml", dump_config(config.fields()));
    EXPECT_EQ(all_notes(load_run_config({dir / "config.yaml"}).parsed), "") << tuning;
  }
}

TEST(Dump, SaysTheGroups) {
  RunConfig config;
  const std::string text = dump_config(config.fields());
  EXPECT_NE(text.find("\n# model\nmodel_name_or_path: \"\"\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\n# optimiser\nlearning_rate: 2e-05\n"), std::string::npos) << text;
}

TEST(Help, NamesTypeDefaultAndAliasesWithin100Columns) {
  RunConfig config;
  const std::string text = options_help(config.fields());
  EXPECT_NE(text.find("optimiser\n"
                      "  --learning_rate (2e-05)\n"
                      "      peak learning rate, reached after warm-up [number, at least 0]; also: lr\n"),
            std::string::npos)
      << text;
  for (const std::string& line : split(text, '\n')) EXPECT_LE(line.size(), 100u) << line;
}

TEST(Help, OptionsPageIsCurrent) {
  EXPECT_EQ(read_text(source_dir() / "docs/options.md"), options_markdown())
      << "make it anew: build/keel options > docs/options.md";
}

TEST(Recipes, AllParse) {
  size_t count = 0;
  for (const auto& entry : fs::directory_iterator(source_dir() / "recipes")) {
    if (entry.path().extension() != ".yaml") continue;
    ++count;
    EXPECT_EQ(all_notes(load_run_config({entry.path()}).parsed), "")
        << entry.path() << ": a recipe says nothing vain";
  }
  EXPECT_EQ(count, 6u);
}

}  // namespace
}  // namespace keel::test
