#include "eval/chat_model.h"

#include <ATen/core/grad_mode.h>

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "checkpoint/adapter_folder.h"
#include "checkpoint/hub_cache.h"
#include "eval/text_model.h"
#include "model/config.h"
#include "model/device.h"
#include "model/factory.h"
#include "model/precision.h"
#include "text/conversation_mask.h"

namespace keel {
namespace {

// Share of the median norm under which an embedding row counts as untrained.
constexpr double kUntrainedNorm = 0.2;

void check_vocabulary(int64_t max_id, const HfFolder& folder) {
  const int64_t rows = ConfigReader(folder.config, folder.config_path().string()).positive("vocab_size");
  if (max_id < rows) return;
  throw UserError(
      {.where = folder.dir.string(),
       .found = fmt::format("tokenizer.json has ids up to {}, the model has {} embedding rows", max_id, rows),
       .wanted = "a tokenizer that fits the model",
       .hint = "copy the tokenizer that belongs to this model, or name new tokens in add_tokens"});
}

std::vector<int32_t> stop_ids_of(const ChatModel& model) {
  std::vector<int32_t> ids = model.special.stop_ids(model.tokenizer);
  if (const auto end = end_of_turn_id(model.chat_template, model.tokenizer)) ids.push_back(*end);
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  if (ids.empty())
    throw UserError(
        {.where = model.folder.dir.string(),
         .found = "no end-of-text token in the tokenizer, generation_config.json or chat template",
         .hint = "add eos_token to tokenizer_config.json"});
  return ids;
}

// Base models often carry a chat token that was never trained: its embedding stays near its small start
// value, and a tuned model that shall end its replies with it learns that late or never.
void warn_untrained_end(const ChatModel& model) {
  const auto end = end_of_turn_id(model.chat_template, model.tokenizer);
  const auto& parameters = model.lm->parameters();
  const auto table = std::ranges::find(parameters, "model.embed_tokens.weight", &Parameter::name);
  if (!end || table == parameters.end() || *end >= table->tensor.size(0)) return;
  const at::NoGradGuard no_grad;
  const at::Tensor norms_V = table->tensor.detach().to(at::kFloat).norm(2, {1});
  const double median = norms_V.median().item<double>(), own = norms_V[*end].item<double>();
  if (own >= kUntrainedNorm * median) return;
  warn(
      "the embedding of {} (end of turn) looks untrained: norm {:.3f}, median {:.3f}; the model may not "
      "learn to stop. Train the "
      "embeddings (full tuning), or choose a template whose end of turn the model knows",
      model.tokenizer.id_to_token(*end), own, median);
}

}  // namespace

ChatModel load_chat_model(const ChatModelOptions& options) {
  const fs::path dir = resolve_model(options.model.model_name_or_path);
  HfFolder folder = HfFolder::open(dir);
  TextModel text = load_text_model(dir, {.model = options.model,
                                         .template_name = options.template_name,
                                         .chat_template_file = options.chat_template_file});
  if (options.model.adapter_name_or_path.empty()) check_vocabulary(text.first_new_token - 1, folder);
  const bool tokens_added = !options.model.add_tokens.empty();
  const at::Device device = choose_device(options.model.device);
  const PrecisionChoice precision = choose_compute_dtype(options.model.precision, device);
  BuildOptions build{.model = options.model,
                     .compute = precision.dtype,
                     .train = options.train,
                     .seed = options.seed,
                     .vocab_size = text.tokenizer.max_id() + 1,
                     .device = device,
                     .config_path = folder.config_path().string()};
  if (tokens_added) build.first_new_token = text.first_new_token;
  if (!options.model.adapter_name_or_path.empty()) {
    AdapterFolder adapter = AdapterFolder::open(options.model.adapter_name_or_path);
    build.adapter = AdapterWeights{.config = adapter.config, .tensors = adapter.tensors()};
  }
  BuiltModel built = build_model(folder.config, folder.tensors(), build);
  ChatModel model{.folder = std::move(folder),
                  .config = std::move(built.config),
                  .tokenizer = std::move(text.tokenizer),
                  .tokens_added = tokens_added,
                  .chat_template = std::move(text.chat_template),
                  .special = load_special_tokens(dir),
                  .lm = std::move(built.model),
                  .stop_ids = {},
                  .precision_reason = precision.reason};
  model.stop_ids = stop_ids_of(model);
  if (options.train) warn_untrained_end(model);
  return model;
}

std::vector<int32_t> prompt_ids(const ChatModel& model, const Json& messages, const Json& tools) {
  return encode_prompt(model.chat_template, model.tokenizer, messages, {.tools = tools});
}

Json user_message(const std::string& text, const std::string& system) {
  Json messages = Json::array();
  if (!system.empty()) messages.push_back({{"role", "system"}, {"content", system}});
  messages.push_back({{"role", "user"}, {"content", text}});
  return messages;
}

}  // namespace keel
