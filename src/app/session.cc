#include "app/session.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <memory>
#include <thread>

#include "base/fs.h"
#include "base/log.h"
#include "data/batch.h"
#include "model/device.h"
#include "model/parameter_count.h"

namespace keel {
namespace {

void log_set(const char* role, const Dataset& set) {
  if (set.examples.empty()) return;
  info("{}: {}", role, describe(set.stats));
  if (set.cache.empty()) return;
  info("{}: tokens {} {}", role, set.from_cache ? "taken from" : "kept for the next start in",
       set.cache.string());
  if (set.from_cache && std::string_view(role) == "train")
    info("train: keel data check looks through the rows again; this start does not");
}

}  // namespace

void set_threads(int64_t threads) {
  const auto cores = static_cast<int64_t>(std::thread::hardware_concurrency());
  if (threads > cores)
    warn("threads: {} is more than this machine's {} cores; expect it to be slower", threads, cores);
  at::set_num_threads(static_cast<int>(threads > 0 ? threads : cores));
}

ChatModel load_model(const RunConfig& config, bool train) {
  set_threads(config.train.threads);
  ChatModel model = load_chat_model({.model = config.model,
                                     .template_name = config.data.template_name,
                                     .chat_template_file = config.data.chat_template,
                                     .seed = static_cast<uint64_t>(config.train.seed),
                                     .train = train});
  const auto [all, trained] = count_parameters(*model.lm);
  info("model: {} ({:.1f} M parameters, {:.1f} M trained) on {}, {}", config.model.model_name_or_path,
       static_cast<double>(all) / 1e6, static_cast<double>(trained) / 1e6, device_name(model.lm->device()),
       model.precision_reason);
  return model;
}

ChatModel load_trained(RunConfig config, const std::filesystem::path& saved) {
  ModelOptions& model = config.model;
  (model.finetuning_type == "lora" ? model.adapter_name_or_path : model.model_name_or_path) = saved.string();
  return load_model(config, false);
}

RejectionSink rejection_file(std::filesystem::path path) {
  if (path.empty()) return {};
  return [path = std::move(path), file = std::shared_ptr<AppendFile>()](const Rejection& r) mutable {
    if (!file) file = std::make_shared<AppendFile>(path);
    file->append(to_line(to_json(r)) + "\n");
  };
}

RunData load_run_data(const RunConfig& config, const ChatModel& model, const std::filesystem::path& run_dir,
                      const RowsCallback& on_rows) {
  TrainingSets sets =
      load_training_sets({.options = config.data,
                          .tokenizer = model.tokenizer,
                          .chat_template = model.chat_template,
                          .stage = parse_stage(config.train.stage),
                          .rejected = rejection_file(run_dir.empty() ? run_dir : run_dir / "rejected.jsonl"),
                          .on_rows = on_rows});
  log_set("train", sets.train);
  log_set("validation", sets.validation);
  log_set("general", sets.general);
  return {.train = std::move(sets.train),
          .eval = {.domain = sets.validation.examples.all(),
                   .general = sets.general.examples.all(),
                   .sources = std::move(sets.validation.sources)}};
}

void settle_loss_reduction(RunConfig& config, const Dataset& train) {
  std::string& reduction = config.data.loss_reduction;
  if (reduction != "auto") return;
  reduction = settle_reduction(reduction, train.examples);
  if (config.train.token_batch > 0) return;
  info("loss_reduction: {} ({})", reduction,
       reduction == "turn"
           ? "auto: there are conversations of several trained turns, and every turn counts the same"
           : "auto: no row has more than one trained turn");
}

std::vector<Example> load_set(const std::vector<std::string>& files, const DataOptions& options, Stage stage,
                              const ChatModel& model) {
  return load_dataset(files, {.options = options,
                              .tokenizer = model.tokenizer,
                              .chat_template = model.chat_template,
                              .stage = stage})
      .examples.all();
}

}  // namespace keel
