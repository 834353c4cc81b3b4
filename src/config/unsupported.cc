#include "config/unsupported.h"

#include "base/names.h"

namespace keel {
namespace {

constexpr std::string_view kPlainLora = "plain LoRA and rsLoRA are there (use_rslora)";
constexpr std::string_view kTracker = "metrics.jsonl and TensorBoard events in output_dir hold every number";
constexpr std::string_view kAdamW = "AdamW is the optimiser";
constexpr std::string_view kNoQuant =
    "the base model is held in bf16 or fp32 (precision); GGUF comes in by keel "
    "import";
constexpr std::string_view kAttention = "remove the line; attention over packed samples is built in";
constexpr std::string_view kNoGpuPool = "remove the line; one process trains the whole model";

constexpr Unsupported kUnsupported[] = {
    {"use_dora|peft_use_dora", kPlainLora},
    {"pissa_*|init_weights|init_lora_weights|peft_init_lora_weights|loftq_*", kPlainLora},
    {"loraplus_*|lorap_*", "all adapter matrices share learning_rate"},
    {"lora_bias|lora_modules_to_save|modules_to_save|additional_target|lora_"
     "layers_to_transform|"
     "peft_layers_to_transform|lora_fan_in_fan_out|create_new_adapter|use_"
     "adalora|relora*|layer_replication",
     kPlainLora},
    {"load_in_4bit|load_in_8bit|quantization_*|quant_*|bnb_*|double_"
     "quantization|gptq|qlora_*",
     kNoQuant},
    {"neftune_noise_alpha|noisy_embedding_alpha|label_smoothing_factor|label_"
     "smoothing",
     "it would change what the loss and the entropy per token mean"},
    {"use_deepspeed|fsdp|fsdp_*|tensor_parallel_*|context_parallel_*|sequence_"
     "parallel_*|pipeline_*|"
     "accelerator_config|use_ray|ray_*",
     kNoGpuPool},
    {"use_galore|galore_*|use_apollo|apollo_*|use_badam|badam_*|use_muon|use_"
     "adam_mini|optim_args|"
     "optim_target_modules|lisa_*|use_llama_pro|freeze_trainable_*|freeze_"
     "extra_modules|lr_groups",
     kAdamW},
    {"use_unsloth|use_unsloth_gc|use_ktransformers|use_megatron*|torch_compile*"
     "|cut_cross_entropy|"
     "mixture_of_depths|unsloth_*",
     "remove the line; Keel has its own fused loss and packed attention"},
    {"flash_attn|flash_attention|flash_attn_*|attn_implementation|attn_impl|"
     "xformers_attention|flex_"
     "attention|"
     "s2_attention|shift_attn|sage_attention",
     kAttention},
    {"wandb_*|use_wandb|swanlab_*|use_swanlab|mlflow_*|comet_*|neptune_*|"
     "trackio_*",
     kTracker},
    {"use_asft_loss|asft_*",
     "token_weighting: dft with kl_train holds the weighted tokens to the model as it was"},
    {"use_emo_loss", "token_weighting: nlirg, focal, dft, eaft and others are there"},
    {"train_on_prompt|train_on_inputs|train_on_eos|train_on_eot|"
     "roles_to_train|eot_tokens|loss_"
     "scale|"
     "assistant_only_loss|completion_only_loss",
     "sft trains the assistant turns that train_on names and their end-of-turn tokens, nothing "
     "else; stage: cpt trains every "
     "token"},
    {"teacher_adapters|teacher_deepspeed|teacher_quantization*|teacher_model_type|teacher_model_revision|"
     "teacher_model_server",
     "distill with teacher_model_path learns from one other model"},
    {"resume_only_model", "start from a saved model: model_name_or_path or adapter_name_or_path"},
    {"interleave_probs|interleave_prob|curriculum_sampling|stopping_strategy|shuffle_merged_datasets",
     "mix_strategy: multi_task mixes by the weights of the datasets list and mix_alpha; order_by: length "
     "trains short rows first"},
    {"tool_format|enable_thinking|default_agent|agent_template|thinking_*",
     "the model's own chat template decides"},
    {"dataset_test_split|dataset_config|dataset_config_name|subset|eval_num_"
     "samples",
     "give a file as eval_dataset, or val_size"},
    {"evals_per_epoch|saves_per_epoch", "use eval_steps and save_steps; 0 means after each epoch"},
    {"predict_with_generate|do_predict|compute_accuracy|do_sample|num_beams|"
     "generation_num_beams|length_"
     "penalty|"
     "repetition_penalty|do_causal_lm_eval|do_bench_eval|eval_table_size",
     "use keel eval or keel generate"},
    {"greater_is_better", "less of metric_for_best_model is better"},
    {"push_to_hub|hub_*|export_*", "copy output_dir yourself; keel merge writes a whole model"},
    {"special_tokens|tokens|tokenizer_use_legacy|resize_vocab|new_special_"
     "tokens|resize_token_embeddings*|"
     "added_tokens_overrides",
     "use add_tokens: [..]; all else stays as the tokenizer has it"},
    {"rope_scaling|rope_theta|overrides_of_model_config|model_max_length",
     "it is read from the model's config.json"},
    {"auto_find_batch_size|lr_scheduler_kwargs|lr_quadratic_warmup|adafactor|"
     "gradient_release",
     "set the batch size and the schedule by their own options"},
    {"rl|rlhf|pref_*|dpo_*|kto_*|ppo_*|simpo_*|ref_model*|reward_model*|rl_"
     "type|beta",
     "it trains on examples (sft) and on text (cpt) only"},
    {"image_*|video_*|audio_*|freeze_vision_tower|freeze_multi_modal_projector|"
     "max_pixels|media_dir|"
     "vision_*|freeze_vit|freeze_aligner",
     "text models only"},
    {"moe_*|use_moe*|router_*", "there are no mixture-of-experts models here"},
    {"plugins|use_kernels|use_v1_kernels|external_plugins|custom_register_path",
     "nothing is loaded from outside the program"},
};

bool named_by(std::string_view patterns, std::string_view key) {
  for (const std::string& pattern : split(patterns, '|'))
    if (matches_glob(key, pattern)) return true;
  return false;
}

}  // namespace

std::span<const Unsupported> unsupported_keys() { return kUnsupported; }

std::string_view unsupported_reason(std::string_view key) {
  for (const Unsupported& entry : kUnsupported)
    if (named_by(entry.keys, key)) return entry.reason;
  return "";
}

}  // namespace keel
