#include "config/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include "config/red_lines.h"
#include "config/settings.h"
#include "config/values.h"
#include "corpus/mixing_grid.h"
#include "train/monitor_names.h"

namespace keel {
namespace {

bool has_own_validation(const DataOptions& data) {  // in the datasets list
  return std::ranges::any_of(data.datasets, [](const Json& entry) {
    return entry.is_object() && !entry.value("eval", Json()).is_null();
  });
}

class Check {
 public:
  Check(RunConfig& config, ParseResult& parsed) : config_(config), parsed_(parsed) {}

  void run() {
    required();
    sources();
    token_batch();
    tuning();
    data();
    schedule();
    stopping();
    replay();
    teaching();
    weighting();
    forgetting();
    interpolation();
    config_.generate.seed = config_.train.seed;
  }

 private:
  bool set(const std::string& name) const { return parsed_.set_by.contains(name); }
  std::string where(const std::string& name) const {
    const auto it = parsed_.set_by.find(name);
    return it == parsed_.set_by.end() ? "" : it->second;
  }

  void problem(const std::string& name, std::string found, std::string wanted, std::string hint = "") {
    parsed_.problems.push_back({.where = where(name),
                                .found = std::move(found),
                                .wanted = std::move(wanted),
                                .hint = std::move(hint)});
  }

  // Says nothing of a default that was written out, as in the config.yaml of a run folder.
  void note(const std::string& name, const std::string& why) {
    if (value_of(config_, name) == value_of(default_, name)) return;
    parsed_.notes.push_back(fmt::format("ignored: {} ({}): {}", name, where(name), why));
  }

  // A missing option whose misspelling was just reported is not reported once
  // more.
  bool guessed(const std::string& name) const {
    return std::ranges::any_of(parsed_.problems, [&](const ErrorText& p) {
      return p.found.find("'" + name + "'?") != std::string::npos ||
             p.found.find("'--" + name + "'?") != std::string::npos || p.where == "--" + name ||
             p.where.ends_with(" " + name);
    });
  }

  void require(const std::string& name, bool given, const std::string& example) {
    if (given || guessed(name)) return;
    parsed_.problems.push_back({.where = name, .found = "not given", .wanted = example});
  }

  void required() {
    require("model_name_or_path", !config_.model.model_name_or_path.empty(),
            "a Hugging Face folder, such as models/smollm2-135m");
    require("dataset", !config_.data.dataset.empty() || !config_.data.datasets.empty(),
            "one or more training files, such as train.jsonl");
    require("output_dir", !config_.train.output_dir.empty(), "a folder for the run, such as runs/first");
    const auto& model = config_.model.model_name_or_path;
    if (!model.empty() && std::filesystem::path(model).lexically_normal() ==
                              std::filesystem::path(config_.train.output_dir).lexically_normal())
      problem("output_dir", "output_dir is the folder of the model itself", "another folder");
  }

  void one_sample_a_step(const std::string& name, int64_t& value) {
    if (value == 1) return;
    if (set(name)) {
      problem(name,
              fmt::format("{}: {} together with token_batch: {}", name, value, config_.train.token_batch),
              "1: token_batch takes its steps inside one sample", fmt::format("leave {} out", name));
    }
    value = 1;
  }

  void sources() {
    const auto place = [&](const std::string& name) {
      const std::string file = where(name);
      return file.empty() || file.starts_with("--") ? name : file + ": " + name;
    };
    const size_t before = parsed_.problems.size();
    specs_ = dataset_specs(config_.data.datasets, place("datasets"), parsed_.problems);
    if (parsed_.problems.size() == before) mixing(place);
    column_names(config_.data.columns, place("columns"), parsed_.problems);
  }

  // place: of an option in the user's file.
  template <class Place>
  void mixing(const Place& place) {
    std::vector<DatasetSpec> all;
    for (const std::string& path : config_.data.dataset) all.push_back({.path = path});
    all.insert(all.end(), specs_.begin(), specs_.end());
    std::vector<ErrorText> problems;
    const auto stages = plan_stages(all, config_.data.mixing, problems);
    if (stages.size() > 1 && config_.train.max_steps > 0)
      problems.push_back(
          {.where = "max_steps",
           .found = fmt::format("max_steps: {} with {} stages", config_.train.max_steps, stages.size()),
           .wanted = "stages: [{max_steps: …}, …]",
           .hint = "num_train_epochs holds for every stage that does not say its own"});
    if (problems.empty()) grid(all, problems);
    for (ErrorText& problem : problems) {
      const size_t end = std::min(problem.where.find_first_of("[."), problem.where.size());
      problem.where = place(problem.where.substr(0, end)) + problem.where.substr(end);
      parsed_.problems.push_back(std::move(problem));
    }
  }

  void grid(const std::vector<DatasetSpec>& sources, std::vector<ErrorText>& problems) const {
    const std::vector<GridArm> arms = grid_arms(config_.grid, config_.data.mixing, problems);
    if (arms.empty()) return;
    const DataOptions& data = config_.data;
    const auto is_measured = [&](SourceRole role) {
      return data.val_size > 0 || std::ranges::any_of(sources, [&](const DatasetSpec& s) {
               return s.role == role && !s.eval.empty();
             });
    };
    if (!is_measured(SourceRole::specialist))
      problems.push_back({.where = "grid",
                          .found = "grid without held-out rows of the specialist sources",
                          .wanted = "val_size, or eval: FILE at each of them",
                          .hint = "the arms are compared by their losses"});
    if (!is_measured(SourceRole::general) && data.general_dataset.empty())
      problems.push_back({.where = "grid",
                          .found = "grid without held-out general rows",
                          .wanted = "val_size, general_dataset, or eval: FILE at the general sources",
                          .hint = "the arms are compared by their losses"});
    const std::string& resume = config_.train.resume_from_checkpoint;
    if (!resume.empty() && !parse_bool(resume) && resume != "auto")
      problems.push_back({.where = "resume_from_checkpoint",
                          .found = "one checkpoint for a grid of runs",
                          .wanted = "true: the arm that was under way goes on"});
  }

  void token_batch() {
    TrainOptions& train = config_.train;
    const bool cached = train.token_batch_prefix == "cached";
    for (const auto& [name, on] :
         {std::pair{"ytrainer_compat", train.ytrainer_compat}, std::pair{"token_batch_prefix", cached},
          std::pair{"dynamic_token_batch", train.dynamic_token_batch}})
      if (on && train.token_batch == 0)
        problem(name, fmt::format("{} without token_batch", name),
                "token_batch: 10, or another size above 0");
    if (train.token_batch == 0) return;
    if (train.stage != "sft")
      problem("token_batch", fmt::format("token_batch: {} in stage {}", train.token_batch, train.stage),
              "stage: sft");
    one_sample_a_step("per_device_train_batch_size", train.per_device_train_batch_size);
    one_sample_a_step("gradient_accumulation_steps", train.gradient_accumulation_steps);
    if (train.loss_spike == "skip")
      problem("loss_spike", "loss_spike: skip together with token_batch",
              "warn or off: a spike is seen at the end of a sample, when its windows are trained");
    if (set("max_turn_loss")) note("max_turn_loss", "under token_batch a window has its own loss");
    if (set("loss_reduction"))
      note("loss_reduction", "under token_batch each window is averaged over its own tokens");
    if (train.ytrainer_compat && train.dynamic_token_batch)
      problem("ytrainer_compat", "ytrainer_compat together with dynamic_token_batch", "one of the two");
    if (train.ytrainer_compat && cached)
      problem("token_batch_prefix", "token_batch_prefix: cached together with ytrainer_compat",
              "token_batch_prefix: exact: Y-Trainer computes the prefix anew for each window");
  }

  void tuning() {
    ModelOptions& model = config_.model;
    const bool adapter = !model.adapter_name_or_path.empty();
    if (adapter && model.finetuning_type == "full") {
      if (set("finetuning_type")) {
        problem("adapter_name_or_path", "adapter_name_or_path with finetuning_type: full",
                "finetuning_type: lora",
                "keel merge makes a whole model of base and adapter, which "
                "full tuning can start from");
      } else {
        model.finetuning_type = "lora";
        parsed_.notes.push_back("finetuning_type: lora, as adapter_name_or_path is given");
      }
    }
    const bool lora = model.finetuning_type == "lora";
    for (const char* name : {"lora_rank", "lora_alpha", "lora_dropout", "use_rslora", "lora_target"}) {
      if (!lora && set(name)) note(name, "finetuning_type is full");
      if (adapter && std::string_view(name) != "lora_dropout" && set(name))
        note(name, "the adapter in adapter_name_or_path brings its own");
    }
    if (lora && model.lora_target.empty())
      problem("lora_target", "lora_target is empty", "all, or module names");
    if (lora && set("freeze")) note("freeze", "LoRA freezes every parameter of the base model");
    if (lora && !model.lora_alpha) model.lora_alpha = 2.0 * static_cast<double>(model.lora_rank);
    const std::set<std::string> tokens(model.add_tokens.begin(), model.add_tokens.end());
    if (tokens.size() != model.add_tokens.size())
      problem("add_tokens", "a token named twice", "each token once");
  }

  void data() {
    const DataOptions& data = config_.data;
    if (data.val_size > 0 && !data.eval_dataset.empty())
      problem("val_size", "val_size together with eval_dataset", "one of the two");
    else if (data.val_size > 0 && has_own_validation(data))
      problem("val_size", "val_size together with eval in the datasets list", "one of the two");
    if (data.val_size >= 1 && data.val_size != std::trunc(data.val_size))
      problem("val_size", fmt::format("val_size: {}", data.val_size),
              "a share below 1 or a whole number of rows");
    if (!data.template_name.empty() && !data.chat_template.empty())
      problem("chat_template", "chat_template together with template", "one of the two");
    if (config_.train.stage == "cpt") {
      if (!data.order_by.empty() && data.packing)
        problem("order_by", fmt::format("order_by: {} with packed texts", data.order_by), "packing: false",
                "a packed row holds texts of all kinds");
      for (const char* name : {"template", "chat_template", "default_system"})
        if (set(name)) note(name, "plain text has no chat template");
      if (set("pack_length") && data.pack_length > 0 && set("packing") && !data.packing)
        problem("pack_length", fmt::format("pack_length: {} with packing: false", data.pack_length),
                "packing: true");
    } else if (data.pack_length > 0) {
      note("pack_length", "only stage cpt packs to a fixed length");
    }
  }

  void schedule() {
    const TrainOptions& train = config_.train;
    if (train.max_steps == 0 && train.num_train_epochs == 0)
      problem("num_train_epochs", "neither epochs nor steps to train",
              "num_train_epochs or max_steps above 0");
    if (train.max_steps > 0 && set("num_train_epochs")) note("num_train_epochs", "max_steps decides");
    if (config_.optim.warmup_steps > 0 && set("warmup_ratio") && config_.optim.warmup_ratio > 0)
      note("warmup_ratio", "warmup_steps decides");
    if (config_.optim.adam_beta1 >= 1 || config_.optim.adam_beta2 >= 1)
      problem(config_.optim.adam_beta1 >= 1 ? "adam_beta1" : "adam_beta2",
              "a moment that never changes (beta of 1)", "a beta below 1");
    for (const std::string& epoch : train.checkpoint_epoch)
      if (epoch.empty() || epoch.find_first_not_of("0123456789") != std::string::npos)
        problem("checkpoint_epoch", fmt::format("checkpoint_epoch: '{}'", epoch),
                "epoch numbers from 0, such as 0,1");
  }

  void stopping() {
    best_model();
    if (has_validation(config_.data)) return;
    if (config_.train.early_stopping_patience > 0 && config_.train.metric_for_best_model == "eval_loss")
      problem("early_stopping_patience", "early_stopping_patience without validation data",
              "eval_dataset or val_size");
    if (set("eval_steps") && config_.train.eval_steps > 0 && config_.data.general_dataset.empty())
      note("eval_steps", "there is no validation data");
  }

  void best_model() {
    const std::string& metric = config_.train.metric_for_best_model;
    if (metric != "frontier" && set("frontier_weight"))
      note("frontier_weight", "metric_for_best_model is " + metric);
    if (metric == "eval_loss") return;
    const bool general = !config_.data.general_dataset.empty(), frontier = metric == "frontier";
    if ((frontier || metric == "general_loss") && !general)
      problem("metric_for_best_model", fmt::format("metric_for_best_model: {} without general text", metric),
              "general_dataset: FILE");
    if (frontier && !has_validation(config_.data))
      problem("metric_for_best_model", "metric_for_best_model: frontier without validation data",
              "eval_dataset or val_size");
    if (metric == "kl_from_start" && !needs_replay_text(config_.protection))
      problem("metric_for_best_model",
              "metric_for_best_model: kl_from_start, which this run does not measure", "kl_replay above 0");
  }

  void replay() {
    ProtectionOptions& replay = config_.protection;
    if (replay.protect && !set("kl_replay")) replay.kl_replay = kProtectingReplay;
    ModelOptions& model = config_.model;
    if (replay.protect && model.finetuning_type == "full" && !set("freeze") && model.add_tokens.empty()) {
      model.freeze = {kFrozenToProtect};
      parsed_.notes.push_back(fmt::format("freeze: {}, as protect is set", kFrozenToProtect));
    }
    if (replay.protect && set("kl_replay") && replay.kl_replay == 0)
      problem("protect", "protect: true with kl_replay: 0", "one of the two",
              "replay is what protects; kl_replay: 0.1 is a weak one");
    for (const auto& [name, place] : parsed_.set_by)
      if (name.starts_with("kl_replay_") && !needs_replay_text(replay)) note(name, "kl_replay is 0");
    if (!replay.kl_replay_dataset.empty() && !replay.kl_replay_path.empty())
      problem("kl_replay_path", "kl_replay_path together with kl_replay_dataset", "one of the two");
  }

  void teaching() {
    ProtectionOptions& o = config_.protection;
    if (!o.teacher_model_path.empty() && !o.distill) {
      if (set("distill")) {
        problem("teacher_model_path", "teacher_model_path with distill: false", "one of the two");
      } else {
        o.distill = true;
        parsed_.notes.push_back("distill: true, as teacher_model_path is given");
      }
    }
    if (!o.distill && set("coefficient_of_origin_loss")) note("coefficient_of_origin_loss", "distill is off");
    if (o.distill && o.kl_train > 0)
      problem("kl_train", "kl_train together with distill", "one of the two",
              "both pull to another model on the trained tokens");
    if (!o.distill && o.kl_train == 0) return;
    const char* const what = o.distill ? "distill" : "kl_train";
    if (config_.loss.token_weighting == "gem")
      problem(what, fmt::format("{} together with token_weighting: gem", what), "one of the two",
              "gem has no loss of the label alone that could be weighed against the teacher's");
    if (config_.loss.weighting_control != "none")
      problem(what, fmt::format("{} together with weighting_control", what), "one of the two",
              "a control shows what a weighting is worth, by itself");
  }

  void forgetting() {
    const ProtectionOptions& o = config_.protection;
    const bool general = !config_.data.general_dataset.empty();
    if (o.stop_on_forgetting > 0 && (!general || !has_validation(config_.data)))
      problem("stop_on_forgetting", "stop_on_forgetting without held-out rows to tell it by",
              "general_dataset, and val_size or eval_dataset",
              "the general loss says when to stop, the validation loss which weights were best before");
    for (const RedLine& line : red_lines(o.gates, where("gates"), parsed_.problems)) {
      const bool measured = line.measure == "general_loss"    ? general
                            : line.measure == "kl_from_start" ? needs_replay_text(o)
                            : is_monitor(line.measure)        ? config_.train.monitor_share > 0
                                                              : has_validation(config_.data);
      if (!measured)
        problem("gates", fmt::format("a gate on {}, which this run does not measure", line.measure),
                line.measure == "general_loss"    ? "general_dataset: FILE"
                : line.measure == "kl_from_start" ? "kl_replay above 0"
                : is_monitor(line.measure)        ? "monitor_share above 0"
                                                  : "val_size or eval_dataset");
    }
  }

  static bool is_monitor(const std::string& name) {
    return std::ranges::find(monitor_names(), name) != monitor_names().end();
  }

  void interpolation() {
    const ProtectionOptions& o = config_.protection;
    const ModelOptions& model = config_.model;
    if (o.interpolate.empty()) return;
    if (config_.data.general_dataset.empty() || !has_validation(config_.data))
      problem("interpolate", "interpolate without held-out rows to choose by",
              "general_dataset, and val_size or eval_dataset",
              "the mixture that is kept has the least general loss among those that keep the domain gain");
    if (!model.adapter_name_or_path.empty())
      problem("interpolate", "interpolate of an adapter that goes on from another",
              "adapter_name_or_path: none", "fold it into the base with keel merge and begin with that");
    if (model.finetuning_type == "lora" && !model.add_tokens.empty())
      problem("interpolate", "interpolate of an adapter with add_tokens", "one of the two",
              "the rows of new tokens have no scale that could be made smaller");
  }

  void weighting() {
    const LossOptions& loss = config_.loss;
    if (loss.nlirg_loss_deadline < loss.nlirg_loss_threshold)
      problem(set("nlirg_loss_deadline") ? "nlirg_loss_deadline" : "nlirg_loss_threshold",
              fmt::format("nlirg_loss_deadline {} below nlirg_loss_threshold {}", loss.nlirg_loss_deadline,
                          loss.nlirg_loss_threshold),
              "a deadline at or above the threshold");
    if (loss.weighting_control != "none") control();
    if (loss.token_weighting == "gem") gem();
    for (const auto& [name, place] : parsed_.set_by) {
      if (!weighting_takes(loss.token_weighting, name))
        note(name, "token_weighting is " + loss.token_weighting);
    }
  }

  void gem() {
    if (set("weight_eos")) note("weight_eos", "gem has no weights");
    if (config_.loss.max_turn_loss > 0)
      problem("max_turn_loss", "max_turn_loss together with token_weighting: gem", "one of the two",
              "gem's loss is not that of the label, which the limit is of");
    if (config_.train.ytrainer_compat)
      problem("ytrainer_compat", "ytrainer_compat together with token_weighting: gem", "one of the two",
              "ytrainer_compat counts the tokens whose weighted loss is not zero");
  }

  void control() {
    const std::string what = "weighting_control: " + config_.loss.weighting_control;
    if (const std::string& name = config_.loss.token_weighting; name == "none" || name == "gem")
      problem("weighting_control", what + " of token_weighting: " + name,
              "a weighting that it is the control of");
    if (config_.train.ytrainer_compat)
      problem("weighting_control", what + " together with ytrainer_compat", "one of the two",
              "ytrainer_compat counts the tokens whose own weight is not zero");
    if (config_.loss.max_turn_loss > 0)
      problem("weighting_control", what + " together with max_turn_loss", "one of the two",
              "the limit is one of weighted losses, which a control does not train");
    if (config_.loss.weighting_control == "scaled" && config_.protection.kl_replay > 0)
      problem("weighting_control", what + " together with kl_replay", "one of the two",
              "a smaller learning rate would make the replay weaker, too");
  }

  // Parameters carry the name of their weighting; the entropy gate also has two of nlirg's.
  static bool weighting_takes(const std::string& weighting, const std::string& parameter) {
    if (weighting == "entropy-gate" &&
        (parameter == "nlirg_loss_deadline" || parameter == "nlirg_descent_center"))
      return true;
    for (const std::string family :
         {"nlirg", "focal", "dft", "eaft", "infosft", "stm", "gem", "psft", "entropy_gate"})
      if (parameter.starts_with(family + "_")) return dashes_as_underscores(weighting).starts_with(family);
    return true;
  }

  static std::string dashes_as_underscores(std::string text) {
    std::ranges::replace(text, '-', '_');
    return text;
  }

  static std::string value_of(RunConfig& config, const std::string& name) {
    for (const FieldRef& field : config.fields())
      if (field.name == name) return value_text(field);
    throw_bug("name is a field", __FILE__, __LINE__, name);
  }

  RunConfig default_;
  RunConfig& config_;
  ParseResult& parsed_;
  std::vector<DatasetSpec> specs_;  // of the datasets list
};

}  // namespace

bool holds_out_rows(const DataOptions& data) { return data.val_size > 0 || has_own_validation(data); }

bool has_validation(const DataOptions& data) { return holds_out_rows(data) || !data.eval_dataset.empty(); }

void validate(RunConfig& config, ParseResult& parsed) { Check(config, parsed).run(); }

}  // namespace keel
