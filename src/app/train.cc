// keel train: a configuration to a run folder.
#include <fmt/format.h>

#include <algorithm>

#include "app/commands.h"
#include "app/interrupt.h"
#include "app/samples.h"
#include "app/session.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/names.h"
#include "config/dump.h"
#include "config/help.h"
#include "config/validate.h"
#include "report/html.h"
#include "train/trainer.h"

namespace keel {
namespace {

bool holds_only_rejections(const fs::path& dir) {
  return std::ranges::all_of(fs::directory_iterator(dir),
                             [](const auto& e) { return e.path().filename() == "rejected.jsonl"; });
}

// The run folder. One that holds something is refused unless it is a run that may be replaced; what a failed
// start left (rejected.jsonl) is no obstacle. A start that fails before anything is written leaves no folder.
class RunFolder {
 public:
  RunFolder(fs::path dir, bool overwrite) : dir_(std::move(dir)) {
    std::error_code ec;
    if (fs::is_directory(dir_, ec) && !holds_only_rejections(dir_)) check_replaceable(overwrite);
    fs::remove_all(dir_, ec);
    make_folders(dir_);
  }
  ~RunFolder() {
    std::error_code ec;
    fs::remove(dir_, ec);  // only when it is empty
  }
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

 private:
  void check_replaceable(bool overwrite) const {
    if (!overwrite)
      throw UserError({.where = "output_dir",
                       .found = dir_.string() + " is not empty",
                       .wanted = "a new folder, so that no earlier run is lost",
                       .hint = "choose another name, or set overwrite_output_dir: true"});
    if (!fs::exists(dir_ / "config.yaml"))
      throw UserError({.where = "output_dir",
                       .found = dir_.string() + " is not empty and was not made by keel",
                       .hint = "choose another folder; keel replaces only its own runs"});
  }

  fs::path dir_;
};

std::string change(const std::optional<double>& before, const std::optional<double>& after) {
  if (!before || !after) return "–";
  return fmt::format("{:.4f} → {:.4f} ({:+.1f} %)", *before, *after, 100 * (*after - *before) / *before);
}

Json facts_of(const RunConfig& config, const RunData& data, const TrainSummary& s) {
  Json facts{
      {"model", config.model.model_name_or_path},
      {"tuning", config.model.finetuning_type},
      {"token weighting", config.loss.token_weighting},
      {"training samples", data.train.examples.size()},
      {"data hash", data.train.hash},
      {"steps", fmt::format("{} of {}", s.steps, s.total_steps)},
      {"tokens per second", fmt::format("{:.0f} ({:.0f} supervised)", s.tokens_per_s, s.supervised_per_s)},
      {"training time", format_duration(s.seconds)},
      {"peak memory", fmt::format("{:.2f} GB", s.peak_memory_gb)},
      {"ended", s.ended}};
  facts.update(version_facts());
  return facts;
}

Json table_of(const TrainSummary& s) {
  const auto cell = [](const std::optional<double>& v) {
    return v ? fmt::format("{:.4f}", *v) : std::string("–");
  };
  Json rows = Json::array();
  if (s.before.domain)
    rows.push_back({"domain, loss per token", cell(s.before.domain), cell(s.after.domain)});
  if (s.before.general)
    rows.push_back({"general, loss per token", cell(s.before.general), cell(s.after.general)});
  rows.push_back({"training loss, first and last step", fmt::format("{:.4f}", s.first_loss),
                  fmt::format("{:.4f}", s.last_loss)});
  return Json::array({{{"title", "Before and after"}, {"columns", {"", "before", "after"}}, {"rows", rows}}});
}

std::string verdict_of(const TrainSummary& s) {
  std::string out =
      fmt::format("The run {}.", s.ended == "finished" ? "finished" : "ended before its plan: " + s.ended);
  if (s.before.domain) out += fmt::format(" Domain loss {}.", change(s.before.domain, s.after.domain));
  if (s.before.general) out += fmt::format(" General loss {}.", change(s.before.general, s.after.general));
  if (!s.before.domain)
    out += " Nothing was held out, so this run cannot say what was learned: set val_size or eval_dataset.";
  return out;
}

// weighting_by_dataset as one set of options a dataset; empty when the option is not used.
std::vector<LossOptions> loss_by_source(const LossOptions& loss, const std::vector<std::string>& sources) {
  const Json& table = loss.weighting_by_dataset;
  if (!table.is_object() || table.empty()) return {};
  std::vector<LossOptions> out(sources.size(), loss);
  for (const auto& entry : table.items()) {
    const auto found = std::ranges::find(sources, entry.key());
    if (found == sources.end())
      throw UserError({.where = "weighting_by_dataset",
                       .found = fmt::format("no dataset \"{}\"", entry.key()),
                       .wanted = join(sources)});
    std::vector<std::string> args;
    for (const auto& option : entry.value().items()) {
      args.push_back("--" + option.key());
      args.push_back(option.value().is_string() ? option.value().get<std::string>() : option.value().dump());
    }
    parse_options(collect_fields(out[static_cast<size_t>(found - sources.begin())]), args,
                  {.command = "train", .config_file = false});
  }
  return out;
}

TrainJob job_of(const RunConfig& config, ChatModel& model, const RunData& data) {
  return {.model = model,
          .train_set = data.train,
          .eval_sets = data.eval,
          .options = config.train,
          .optim = config.optim,
          .loss = config.loss,
          .loss_by_source = loss_by_source(config.loss, data.train.sources),
          .loss_reduction = config.data.loss_reduction,
          .pack_tokens = config.data.packing ? std::max(config.data.cutoff_len, config.data.pack_length) : 1,
          .gradient_checkpointing = config.model.gradient_checkpointing,
          .run_dir = config.train.output_dir,
          .stop_requested = interrupted};
}

int train_run(RunConfig& config) {
  const fs::path run_dir = config.train.output_dir;
  const RunFolder folder(run_dir, config.train.overwrite_output_dir);
  ChatModel model = load_model(config, true);
  const RunData data = load_run_data(config, model, run_dir);
  settle_loss_reduction(config, data.train);
  write_file(run_dir / "config.yaml", dump_config(config.fields()));
  SampleSet samples = pick_samples(model, data.eval.domain.empty() ? data.train.examples : data.eval.domain,
                                   config.train.sample_count);
  answer_samples(samples, model, "before", config.generate);
  const TrainSummary s = train(job_of(config, model, data));
  answer_samples(samples, model, "after", config.generate);
  const Json summary{
      {"title", fmt::format("{} on {}", config.model.model_name_or_path, join(data.train.sources))},
      {"verdict", verdict_of(s)},
      {"command", fmt::format("keel train {} --output_dir NEW_FOLDER", (run_dir / "config.yaml").string())},
      {"facts", facts_of(config, data, s)},
      {"tables", table_of(s)},
      {"samples", samples.to_json()}};
  write_file(run_dir / "summary.json", summary.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  write_report(run_dir);
  info("{}\n{:.0f} tokens/s ({:.0f} supervised), {:.2f} GB at most, {}", verdict_of(s), s.tokens_per_s,
       s.supervised_per_s, s.peak_memory_gb, format_duration(s.seconds));
  fmt::print("{}\n", s.saved.string());
  if (s.ended != "interrupted") return 0;
  info("saved; the optimiser's state is in {}", (run_dir / "checkpoints").string());
  return 130;
}

}  // namespace

int run_train(Args args) {
  LoadedRun run = load_run_config({args.begin(), args.end()}, {.command = "train"});
  if (run.parsed.help) {
    fmt::print("usage: keel train [CONFIG.yaml] [--key value …]\n\n{}", options_help(run.config.fields()));
    return 0;
  }
  for (const std::string& note : run.parsed.notes) log_line(note);
  catch_interrupts();
  return train_run(run.config);
}

}  // namespace keel
