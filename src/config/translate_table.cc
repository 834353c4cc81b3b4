// The table of foreign meanings, by where users know them from. Names that mean
// the same with the same values are aliases in the components' options, not
// rows here.
#include "config/translate.h"

namespace keel {
namespace {

using enum Action;

constexpr std::string_view kAlways = "Keel does this always";
constexpr std::string_view kOneProcess = "concerns several processes or a GPU; nothing to do here";
constexpr std::string_view kLoader = "Keel's reader needs no such setting";
constexpr std::string_view kOwnTemplate = "the model's own chat template is used";
constexpr std::string_view kFallback = "only where the model has no template of its own";
constexpr std::string_view kEvalBatch = "evaluation uses the training batch size";

constexpr Rule kRules[] = {
    // What is trained
    {set, "stage", "pt|pretrain|pretraining", "stage", "cpt"},
    {refuse,
     "stage",
     "dpo|kto|ppo|rm|rlhf|grpo|rl",
     {},
     {},
     "it trains on examples (sft) and on text (cpt) only"},
    {refuse, "finetuning_type", "freeze", {}, {}, "use finetuning_type: full with freeze: [patterns]"},
    {refuse,
     "finetuning_type",
     "oft|qlora|adalora|longlora|boft|vera|bone|llamapro|ia3",
     {},
     {},
     "use finetuning_type: lora"},
    {set, "use_lora", "on", "finetuning_type", "lora"},
    {set, "use_lora", "off", "finetuning_type", "full"},
    {set, "use_peft", "on", "finetuning_type", "lora"},
    {set, "use_peft", "off", "finetuning_type", "full"},
    {set, "adapter", "lora", "finetuning_type", "lora"},
    {set, "adapter", "off", "finetuning_type", "full"},
    {refuse, "adapter", "*", {}, {}, "use adapter: lora"},
    {set, "lora_target_linear", "on", "lora_target", "all"},
    {ignore, "lora_target_linear", "off", {}, {}, "lora_target says which modules"},
    {set, "lora_target", "all-linear|all_linear", "lora_target", "all"},
    {set, "disable_gradient_checkpointing", "on", "gradient_checkpointing", "!"},
    {set, "disable_gradient_checkpointing", "off", "gradient_checkpointing", "!"},
    {set, "gradient_checkpointing", "offload", "gradient_checkpointing", "true",
     "nothing is moved elsewhere"},
    {ignore, "gradient_checkpointing_kwargs", "*", {}, {}, "there is one way of recomputing"},

    // Numbers
    {set, "bf16", "on|auto|full", "precision", "auto",
     "bf16 where this machine is fast at it; precision: bf16 forces it"},
    {set, "bf16", "off", "precision", "fp32"},
    {set, "pure_bf16", "on", "precision", "bf16"},
    {ignore, "pure_bf16", "off", {}, {}, "precision says it"},
    {ignore, "fp16", "*", {}, {}, "there is no fp16 training; precision: auto, bf16 or fp32"},
    {ignore, "tf32", "*", {}, {}, kOneProcess},
    {set, "precision", "bfloat16", "precision", "bf16"},
    {set, "precision", "float32|float|no", "precision", "fp32"},
    {set, "precision", "float16|fp16|half", "precision", "auto", "there is no fp16 training"},

    // Loss
    {set, "use_NLIRG", "on", "token_weighting", "nlirg"},
    {set, "use_NLIRG", "off", "token_weighting", "none"},
    {set, "use_nlirg", "on", "token_weighting", "nlirg"},
    {set, "use_nlirg", "off", "token_weighting", "none"},
    {set, "use_dft_loss", "on", "token_weighting", "dft"},
    {ignore, "use_dft_loss", "off", {}, {}, "token_weighting says it"},
    {set, "use_eaft_loss|use_eaft", "on", "token_weighting", "eaft"},
    {ignore, "use_eaft_loss|use_eaft", "off", {}, {}, "token_weighting says it"},
    {set, "enable_dft_loss", "on", "token_weighting", "dft"},
    {ignore, "enable_dft_loss", "off", {}, {}, "token_weighting says it"},
    {set, "loss_type", "nll|chunked_nll|cross_entropy|ce", "token_weighting", "none"},
    {ignore, "chunked_cross_entropy", "*", {}, {}, "Keel never holds full logits"},
    {set, "token_batch", "-1", "token_batch", "0"},
    {set, "token_batch", "off", "token_batch", "0"},
    {set, "Distillition|distillition|distillation", "on", "distill", "true"},
    {set, "Distillition|distillition|distillation", "off", "distill", "false"},
    {set, "mask_history", "on", "train_on", "last"},
    {set, "mask_history", "off", "train_on", "all"},
    {ignore, "train_on_prompt", "off", {}, {}, kAlways},
    {ignore, "train_on_inputs", "off", {}, {}, kAlways},
    {ignore, "assistant_only_loss", "on", {}, {}, kAlways},
    {ignore, "completion_only_loss", "on", {}, {}, kAlways},
    {refuse, "assistant_only_loss|completion_only_loss", "off", {}, {}, "prompts are never trained in sft"},
    {ignore,
     "train_on_eos",
     "turn|all",
     {},
     {},
     "the end-of-turn token of a trained reply is always trained"},
    {ignore, "roles_to_train", "assistant|gpt", {}, {}, kAlways},
    {set, "loss_scale", "default|all", "train_on", "all"},
    {set, "loss_scale", "last_round", "train_on", "last"},

    // Data
    {ignore, "template", "default|tokenizer_default|auto", {}, {}, kOwnTemplate},
    {set, "template", "qwen|qwen2|qwen2_5", "template", "qwen2.5", kFallback},
    {set, "template", "qwen3_nothink|chatml_de|yi|hermes", "template", "chatml", kFallback},
    {set, "template", "gemma2|gemma3", "template", "gemma", kFallback},
    {ignore,
     "template",
     "llama2|llama3.1|llama4|phi|phi4|phi_small|deepseek|"
     "deepseek3|baichuan|baichuan2|"
     "chatglm3|glm4|"
     "intern2|vicuna|falcon|cohere|granite3|minicpm|olmo|hunyuan|"
     "internlm2|yi_vl|mistral_small",
     {},
     {},
     kOwnTemplate},
    {ignore, "template", "none|no|empty", {}, {}, kOwnTemplate},
    {ignore, "chat_template", "tokenizer_default|jinja|default", {}, {}, kOwnTemplate},
    {set, "chat_template", "chatml|qwen2.5|qwen3|llama3|mistral|gemma|smollm2|phi3|zephyr|alpaca|plain",
     "template", "=", kFallback},
    {set, "overlength", "truncate|right|left|keep_start|keep_end", "overlength", "drop_oldest_turns",
     "a cut reply is never trained as a whole one"},
    {set, "overlength", "delete", "overlength", "drop"},
    {set, "overlength", "raise", "overlength", "error"},
    {set, "neat_packing", "on", "packing", "true"},
    {ignore, "neat_packing", "off", {}, {}, "packed samples never see each other"},
    {set, "padding_free", "on", "packing", "true"},
    {ignore, "padding_free", "off", {}, {}, "there is no padded path"},
    {ignore,
     "packing_strategy|multipack_real_batches|eval_sample_packing|eval_packing|"
     "pad_to_sequence_len",
     "*",
     {},
     {},
     "packing changes speed only"},
    {set, "pack_length", "-1", "pack_length", "0"},
    {ignore, "shuffle_merged_datasets", "on", {}, {}, kAlways},
    {ignore, "dataset_shuffle|train_dataloader_shuffle", "on", {}, {}, kAlways},
    {ignore, "group_by_length|length_grouped_sampling", "*", {}, {}, "packing makes it needless"},
    {ignore,
     "overwrite_cache|cache_dir|lazy_"
     "tokenize|streaming|buffer_size",
     "*",
     {},
     {},
     kLoader},
    {ignore, "dataloader_*", "*", {}, {}, kLoader},
    {ignore,
     "remove_unused_columns|use_fast_tokenizer|split_special_tokens|tokenizer_"
     "type|model_type|dataset_text_"
     "field",
     "*",
     {},
     {},
     kLoader},

    // Schedule, batches
    {set, "max_steps", "-1", "max_steps", "0"},
    {set, "lr_scheduler_type", "cosine_with_min_lr", "lr_scheduler_type", "cosine",
     "min_lr_ratio is the minimum"},
    {ignore,
     "optim",
     "adamw|adamw_torch|adamw_torch_fused|adamw_hf",
     {},
     {},
     "AdamW, fused, is the optimiser"},
    {ignore,
     "optimizer",
     "adamw|adamw_torch|adamw_torch_fused|adamw_hf",
     {},
     {},
     "AdamW, fused, is the optimiser"},
    {refuse, "optim|optimizer", "*", {}, {}, "AdamW is the optimiser"},

    // Evaluation, saving
    {ignore, "per_device_eval_batch_size|eval_batch_size", "*", {}, {}, kEvalBatch},
    {ignore, "eval_strategy|evaluation_strategy", "steps", {}, {}, "eval_steps says how often"},
    {force, "eval_strategy|evaluation_strategy", "epoch", "eval_steps", "0"},
    {ignore,
     "eval_strategy|evaluation_strategy",
     "no|off",
     {},
     {},
     "Keel evaluates whenever there is eval_dataset or val_size"},
    {ignore, "save_strategy", "steps", {}, {}, "save_steps says how often"},
    {force, "save_strategy", "epoch", "save_steps", "0"},
    {force, "save_strategy", "no|off|best", "save_steps", "0", "the best and the last model are always kept"},
    {ignore, "do_train", "on", {}, {}, "keel train trains"},
    {ignore,
     "do_eval|eval_on_each_dataset|eval_on_start",
     "*",
     {},
     {},
     "evaluation follows from the data given"},
    {ignore, "do_train", "off", {}, {}, "keel train trains; keel eval evaluates"},
    {set, "metric_for_best_model", "loss", "metric_for_best_model", "eval_loss"},
    {ignore, "greater_is_better", "off", {}, {}, "less of metric_for_best_model is better"},
    {ignore,
     "save_only_model|save_safetensors|save_optimizer_state|save_on_each_node",
     "*",
     {},
     {},
     "Keel saves safetensors, and what going on needs"},

    // What is shown
    {ignore,
     "report_to",
     "off|tensorboard|all",
     {},
     {},
     "metrics.jsonl, TensorBoard events and report.html are always written"},
    {refuse, "report_to", "*", {}, {}, "use report_to: tensorboard or none; metrics.jsonl has everything"},
    {ignore, "plot_loss", "*", {}, {}, "report.html always has the curves"},
    {ignore,
     "use_tensorboard|logging_dir|tensorboard_path|use_process_bar|disable_"
     "tqdm|logging_strategy|logging_"
     "first_step",
     "*",
     {},
     {},
     "the run folder always has TensorBoard events, the console always a "
     "progress line"},
    {ignore,
     "run_name|log_level|include_num_input_tokens_seen|include_tokens_per_"
     "second|debug",
     "*",
     {},
     {},
     "the run is named by output_dir"},
    {ignore, "add_version|create_checkpoint_symlink", "*", {}, {}, "output_dir is used as given"},

    // Processes, devices
    {ignore, "deepspeed", "*", {}, {}, "one process holds the whole model: sharding would change nothing"},
    {ignore, "ddp_*", "*", {}, {}, kOneProcess},
    {ignore, "local_rank|world_size|use_cpu|no_cuda|device_map|low_cpu_mem_usage", "*", {}, {}, kOneProcess},
    {ignore, "deepspeed_cfg_path", "*", {}, {}, "there is no DeepSpeed to configure"},
    {ignore, "trust_remote_code", "*", {}, {}, "Keel never runs code of a model folder"},
    {ignore, "flash_attn", "auto|off|disabled|sdpa", {}, {}, "attention is chosen by Keel"},
    {ignore, "attn_implementation", "auto|sdpa|eager", {}, {}, "attention is chosen by Keel"},
    {ignore, "attn_impl", "auto|sdpa|eager", {}, {}, "attention is chosen by Keel"},
    {ignore, "sdp_attention|sdpa_attention|eager_attention", "*", {}, {}, "attention is chosen by Keel"},
    {ignore,
     "enable_liger_kernel|use_liger_kernel|use_liger|liger_*",
     "*",
     {},
     {},
     "the loss is fused already"},
    {ignore,
     "use_hf|use_modelscope|model_revision|hf_hub_token|ms_hub_token",
     "*",
     {},
     {},
     "models are read from this machine"},
};

}  // namespace

std::span<const Rule> translation_rules() { return kRules; }

}  // namespace keel
