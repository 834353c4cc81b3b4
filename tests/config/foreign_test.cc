// Configurations of other trainers, whole.
#include "config/support.h"

namespace keel::test {
namespace {

using Words = std::vector<std::string>;

// A command line as YTrainer takes it.
constexpr std::pair<const char*, const char*> kYTrainerScript[] = {
    {"model_path_to_load", "models/qwen"},
    {"training_type", "sft"},
    {"use_NLIRG", "true"},
    {"use_lora", "true"},
    {"epoch", "3"},
    {"checkpoint_epoch", "0,1"},
    {"data_path", "a.json,b.json"},
    {"output_dir", "outputdir"},
    {"batch_size", "1"},
    {"token_batch", "10"},
    {"max_seq_len", "20520"},
    {"pack_length", "-1"},
    {"lora_path", ""},
    {"lora_rank", "16"},
    {"lora_alpha", "32"},
    {"lora_dropout", "0.2"},
    {"lora_target_modules", "q_proj,v_proj"},
    {"system_prompt", "You are a helpful assistant."},
    {"enable_gradit_checkpoing", "false"},
    {"use_deepspeed", "false"},
    {"use_tensorboard", "true"},
    {"coefficient_of_origin_loss", "0.5"},
    {"data_type", "bfloat16"},
    {"lr", "5e-6"},
    {"seed", "7"}};

LoadedRun load_ytrainer_script() {
  Words args;
  for (const auto& [name, value] : kYTrainerScript) {
    args.push_back("--" + std::string(name));
    args.emplace_back(value);
  }
  return load_run_config(args);
}

TEST(Foreign, YTrainerModelAndData) {
  const RunConfig c = load_ytrainer_script().config;
  EXPECT_EQ(c.model.model_name_or_path, "models/qwen");
  EXPECT_EQ(c.data.dataset, (Words{"a.json", "b.json"}));
  EXPECT_EQ(c.data.cutoff_len, 20520);
  EXPECT_EQ(c.data.pack_length, 0) << "-1: no packing";
  EXPECT_EQ(c.data.default_system, "You are a helpful assistant.");
}

TEST(Foreign, YTrainerCourseOfTheTraining) {
  const RunConfig c = load_ytrainer_script().config;
  EXPECT_EQ(c.train.output_dir, "outputdir");
  EXPECT_EQ(c.train.stage, "sft");
  EXPECT_EQ(c.train.num_train_epochs, 3);
  EXPECT_EQ(c.train.checkpoint_epoch, (Words{"0", "1"}));
  EXPECT_EQ(c.train.per_device_train_batch_size, 1);
  EXPECT_EQ(c.train.token_batch, 10);
  EXPECT_EQ(c.train.seed, 7);
  EXPECT_EQ(c.optim.learning_rate, 5e-6);
}

TEST(Foreign, YTrainerLora) {
  const RunConfig c = load_ytrainer_script().config;
  EXPECT_EQ(c.model.adapter_name_or_path, "") << "an empty lora_path";
  EXPECT_EQ(c.model.lora_rank, 16);
  EXPECT_EQ(c.model.lora_alpha, 32);
  EXPECT_EQ(c.model.lora_dropout, 0.2);
  EXPECT_EQ(c.model.lora_target, (Words{"q_proj", "v_proj"}));
}

TEST(Foreign, YTrainerSwitchesAreValuesHere) {
  const LoadedRun run = load_ytrainer_script();
  EXPECT_EQ(run.config.loss.token_weighting, "nlirg");
  EXPECT_EQ(run.config.model.finetuning_type, "lora");
  EXPECT_EQ(run.config.model.precision, "bf16");
  EXPECT_FALSE(run.config.model.gradient_checkpointing);
  EXPECT_TRUE(has_note(run.parsed, "ignored: use_deepspeed: false")) << all_notes(run.parsed);
}

TEST(Foreign, YTrainerWithoutLoraSaysThatTheTargetsHaveNoEffect) {
  const LoadedRun run = load_run_config({"--model_path_to_load", "m", "--data_path", "a.json", "--output_dir",
                                         "o", "--use_NLIRG", "false", "--use_lora", "false",
                                         "--lora_target_modules", "q_proj,v_proj"});
  EXPECT_EQ(run.config.model.finetuning_type, "full");
  EXPECT_EQ(run.config.loss.token_weighting, "none");
  EXPECT_TRUE(has_note(run.parsed, "ignored: lora_target (--lora_target_modules): finetuning_type is full"))
      << all_notes(run.parsed);
}

TEST(Foreign, LlamaFactoryQwenLora) {
  const LoadedRun run = load_run_config({config_data("lf_qwen_lora_sft.yaml")});
  const RunConfig& c = run.config;
  EXPECT_EQ(c.model.finetuning_type, "lora");
  EXPECT_EQ(c.model.lora_rank, 8);
  EXPECT_EQ(c.model.lora_alpha, 16);
  EXPECT_EQ(c.model.lora_target, Words{"all"});
  EXPECT_EQ(c.model.precision, "auto");
  EXPECT_EQ(c.data.dataset, (Words{"harbor", "manners"}));
  EXPECT_EQ(c.data.dataset_dir, "data");
  EXPECT_EQ(c.data.template_name, "qwen2.5");
  EXPECT_EQ(c.data.cutoff_len, 1024);
  EXPECT_EQ(c.data.max_samples, 500);
  EXPECT_EQ(c.data.val_size, 0.1);
  EXPECT_EQ(c.train.eval_steps, 100);
  EXPECT_EQ(c.train.save_steps, 200);
  EXPECT_EQ(c.train.num_train_epochs, 2);
  EXPECT_EQ(c.train.per_device_train_batch_size, 2);
  EXPECT_EQ(c.train.gradient_accumulation_steps, 4);
  EXPECT_EQ(c.optim.learning_rate, 1e-4);
  EXPECT_EQ(c.optim.warmup_ratio, 0.1);
  EXPECT_TRUE(c.train.overwrite_output_dir);
  EXPECT_TRUE(has_note(run.parsed, "ignored: plot_loss: true")) << all_notes(run.parsed);
}

TEST(Foreign, LlamaFactoryLlamaFull) {
  const LoadedRun run = load_run_config({config_data("lf_llama3_full_sft.yaml")});
  const RunConfig& c = run.config;
  EXPECT_EQ(c.model.finetuning_type, "full");
  EXPECT_EQ(c.model.precision, "bf16");
  EXPECT_TRUE(c.model.gradient_checkpointing) << "disable_gradient_checkpointing: false";
  EXPECT_EQ(c.loss.token_weighting, "dft");
  EXPECT_EQ(c.data.template_name, "llama3");
  EXPECT_EQ(c.train.eval_steps, 0) << "eval_strategy: epoch wins over eval_steps";
  EXPECT_EQ(c.train.save_steps, 0) << "save_strategy: epoch wins over save_steps";
  EXPECT_EQ(c.data.eval_dataset, Words{"harbor_heldout"});
  EXPECT_TRUE(has_note(run.parsed, "ignored: deepspeed: configs/ds_z3_config.json")) << all_notes(run.parsed);
}

TEST(Foreign, LlamaFactoryPretrain) {
  const LoadedRun run = load_run_config({config_data("lf_pretrain.yaml")});
  const RunConfig& c = run.config;
  EXPECT_EQ(c.train.stage, "cpt");
  EXPECT_EQ(c.model.lora_target, (Words{"q_proj", "v_proj"}));
  EXPECT_EQ(c.model.lora_alpha, 16);
  EXPECT_EQ(c.train.max_steps, 0);
  EXPECT_EQ(c.optim.lr_scheduler_type, "linear");
  EXPECT_EQ(c.model.precision, "auto");
  EXPECT_TRUE(has_note(run.parsed, "ignored: use_dora: false")) << all_notes(run.parsed);
}

TEST(Foreign, Axolotl) {
  const LoadedRun run = load_run_config({config_data("axolotl_lora.yml")});
  const RunConfig& c = run.config;
  EXPECT_EQ(c.model.model_name_or_path, "models/qwen-small");
  EXPECT_TRUE(c.data.dataset.empty());
  EXPECT_EQ(c.data.datasets.dump(), R"([{"path":"data/harbor.jsonl","type":"chat_template","split":"train"},)"
                                    R"({"path":"data/manners.jsonl","type":"alpaca"}])");
  EXPECT_EQ(c.data.val_size, 0.05);
  EXPECT_EQ(c.data.cutoff_len, 1024);
  EXPECT_EQ(c.model.finetuning_type, "lora");
  EXPECT_EQ(c.model.adapter_name_or_path, "");
  EXPECT_EQ(c.model.lora_rank, 32);
  EXPECT_EQ(c.model.lora_alpha, 16);
  EXPECT_EQ(c.model.lora_target, Words{"all"});
  EXPECT_EQ(c.train.per_device_train_batch_size, 2);
  EXPECT_EQ(c.optim.warmup_steps, 10);
  EXPECT_EQ(c.optim.learning_rate, 2e-4);
  EXPECT_EQ(c.train.early_stopping_patience, 3);
}

TEST(Foreign, MsSwiftCommandLine) {
  const LoadedRun run = load_run_config({"--model", "m", "--tuner_type", "lora", "--dataset", "a.jsonl#500",
                                         "b.jsonl#500", "--target_modules", "all-linear", "--torch_dtype",
                                         "bfloat16", "--split_dataset_ratio", "0.01", "--truncation_strategy",
                                         "delete", "--output_dir", "out", "--attn_impl", "sdpa"});
  EXPECT_EQ(run.config.data.dataset, (Words{"a.jsonl", "b.jsonl"}));
  EXPECT_EQ(run.config.data.max_samples, 500);
  EXPECT_EQ(run.config.model.lora_target, Words{"all"});
  EXPECT_EQ(run.config.model.precision, "bf16");
  EXPECT_EQ(run.config.data.overlength, "drop");
  EXPECT_EQ(run.config.data.val_size, 0.01);
}

TEST(Foreign, RowLimitsThatDifferGoToTheList) {
  const LoadedRun run =
      load_run_config({"--model", "m", "--dataset", "a.jsonl#500", "b.jsonl", "--output_dir", "out"});
  EXPECT_TRUE(run.config.data.dataset.empty());
  EXPECT_EQ(run.config.data.datasets.dump(), R"(["a.jsonl#500","b.jsonl"])");
  EXPECT_EQ(load_error({"--model", "m", "--dataset", "a.jsonl", "--eval_dataset", "a.jsonl#500", "b.jsonl",
                        "--output_dir", "out"}),
            "--eval_dataset: row limits (#N) that differ between files\n"
            "  wanted: one limit for all files of dataset: max_samples: N");
}

TEST(Foreign, DatasetsOfPathsAloneAreDataset) {
  const LoadedRun run =
      load_run_config({"--model", "m", "--datasets", "[a.jsonl, b.jsonl]", "--output_dir", "out"});
  EXPECT_EQ(run.config.data.dataset, (Words{"a.jsonl", "b.jsonl"}));
}

TEST(Foreign, EntriesMayStandInAFlag) {
  const LoadedRun run = load_run_config({"--model", "m", "--datasets",
                                         R"([{"path": "a.jsonl"}, {"path": "b.jsonl", "weight": 2}])",
                                         "--output_dir", "out", "--mix_strategy", "multi_task"});
  EXPECT_EQ(run.config.data.datasets.dump(), R"([{"path":"a.jsonl"},{"path":"b.jsonl","weight":2}])");
}

TEST(Foreign, WhatKeelLacksIsNamedAsSuchAndNotAsATypo) {
  EXPECT_EQ(
      load_error(with_basics({"--use_dora", "true"})),
      "command line: use_dora: true is not supported by Keel: plain LoRA and rsLoRA are there (use_rslora)");
  for (const char* key : {"load_in_4bit", "quantization_bit", "neftune_noise_alpha", "fsdp", "use_galore",
                          "loraplus_lr_ratio", "pissa_init", "use_unsloth", "wandb_project", "use_deepspeed",
                          "use_emo_loss", "train_on_prompt", "train_on_eot"}) {
    const std::string error = load_error(with_basics({std::string("--") + key, "4"}));
    EXPECT_NE(error.find("is not supported by Keel: "), std::string::npos) << key << ": " << error;
    EXPECT_NO_THROW(load_run_config(with_basics({std::string("--") + key, "false"}))) << key;
  }
  for (const Words& pair :
       {Words{"flash_attn", "fa2"}, Words{"report_to", "wandb"}, Words{"optim", "paged_adamw_8bit"},
        Words{"adapter", "qlora"}, Words{"stage", "dpo"}}) {
    const std::string error = load_error(with_basics({"--" + pair[0], pair[1]}));
    EXPECT_NE(error.find(pair[0] + ": " + pair[1] + " is not supported by Keel: "), std::string::npos)
        << error;
  }
}

TEST(Foreign, ValuesOutsideTheTableAreWrongValues) {
  EXPECT_EQ(load_error(with_basics({"--use_lora", "perhaps"})),
            "--use_lora: 'perhaps'\n  wanted: one of: true, false");
  EXPECT_NO_THROW(load_run_config(with_basics({"--bf16", "true", "--precision", "fp32"})))
      << "the last flag counts";
}

}  // namespace
}  // namespace keel::test
