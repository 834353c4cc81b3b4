// keel train: a configuration to a run folder.
#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "app/allocator.h"
#include "app/commands.h"
#include "app/data_subject.h"
#include "app/grid_run.h"
#include "app/interpolation.h"
#include "app/interrupt.h"
#include "app/monitor_material.h"
#include "app/replay_text.h"
#include "app/resume.h"
#include "app/run_summary.h"
#include "app/samples.h"
#include "app/session.h"
#include "app/teacher.h"
#include "app/train_run.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/names.h"
#include "config/dump.h"
#include "config/help.h"
#include "config/validate.h"
#include "data/mix.h"
#include "model/precision.h"
#include "report/html.h"
#include "train/progress.h"
#include "train/trainer.h"

namespace keel {
namespace {

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
    LossOptions& own = out[static_cast<size_t>(found - sources.begin())];
    parse_options(collect_fields(own), args, {.command = "train", .config_file = false});
    if (own.weighting_control != loss.weighting_control)
      throw UserError({.where = "weighting_by_dataset",
                       .found = fmt::format("weighting_control of \"{}\" alone", entry.key()),
                       .wanted = "weighting_control for the whole run"});
  }
  return out;
}

// Ctrl-C, SIGTERM, Slurm's warning, or max_time.
std::function<bool()> stop_rule(const TrainOptions& options) {
  return [limit_s = options.max_time * 60, clock = Stopwatch()] {
    return interrupted() || (limit_s > 0 && clock.seconds() >= limit_s);
  };
}

std::vector<MixStage> stages_of(const RunConfig& config, const Dataset& set) {
  Mix mix = make_mix(set, config.data, static_cast<uint64_t>(config.train.seed));
  for (const std::string& line : mix.lines) log_line(line);
  for (const std::string& text : mix.warnings) warn_line(text);
  return std::move(mix.stages);
}

void ask(SampleSet& samples, const RunConfig& config, ChatModel& model, const std::string& name) {
  answer_samples(samples, model, name, config.generate);
  read_replies(samples, model, name, config.loss);
}

// The answers before training, which a resumed run finds as they were.
SampleSet samples_before(const RunConfig& config, ChatModel& model, const RunData& data, bool resumed) {
  SampleSet samples =
      pick_samples(model, data.eval.domain.empty() ? data.train.examples : ExampleSet::of(data.eval.domain),
                   config.train.sample_count);
  const fs::path file = fs::path(config.train.output_dir) / "samples_before.json";
  if (resumed && samples.read(file)) return samples;
  ask(samples, config, model, "before");
  write_file(file, samples.to_json().dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  return samples;
}

// The answers of the model that was saved, which is not always the one in memory.
void answer_after(SampleSet& samples, const RunConfig& config, ChatModel& model, const TrainSummary& s) {
  if (s.saved_is_in_memory) return ask(samples, config, model, "after");
  ChatModel saved = load_trained(config, s.saved);
  ask(samples, config, saved, "after");
}

// From here on the summary tells of the mixture that is kept.
Interpolation interpolate_after(const RunConfig& config, const RunData& data, TrainSummary& s) {
  if (config.protection.interpolate.empty() || s.ended == kInterrupted) return {};
  Interpolation out = interpolate(config, data.eval, s);
  if (out.kept == 0) return out;
  s.after = out.models[out.kept].outcome;
  s.saved = saved_model(config.train.output_dir);
  s.saved_is_in_memory = false;
  return out;
}

// What the run holds behind a step: its own memory and freed pages that are kept for the next one. More of
// those than a quarter of all are given back, and any above the budget.
class HeldMemory {
 public:
  explicit HeldMemory(double budget_gb) : budget_(budget_gb) {}

  void look() {
    gb_ = resident_gb();
    if (limit_ == 0) limit_ = kMost * gb_;
    if (gb_ <= limit_ && !over()) return;
    give_back_unused_memory();
    gb_ = resident_gb();
    limit_ = 0;  // the next step shows what one needs
  }
  bool over() const { return budget_ > 0 && gb_ > budget_; }
  double gb() const { return gb_; }

 private:
  static constexpr double kMost = 1.25;
  double budget_, gb_ = 0, limit_ = 0;
};

[[noreturn]] void fail_over_memory(const TrainSummary& s, double held_gb, const TrainOptions& options) {
  throw UserError(
      {.where = fmt::format("step {}", s.steps),
       .found = fmt::format("the run holds {:.2f} GB of memory", held_gb),
       .wanted = fmt::format("at most {:g} GB (max_memory)", options.max_memory),
       .hint = fmt::format(
           "it is saved: keel train {} --resume goes on, with a smaller per_device_train_batch_size and "
           "more gradient_accumulation_steps, gradient_checkpointing: true, or a larger max_memory",
           (fs::path(options.output_dir) / "config.yaml").string())});
}

// What `--resume` says of a run that has nothing left to do.
RunEnd tell_end(const fs::path& run_dir) {
  if (!fs::exists(run_dir / "report.html")) write_report(run_dir);  // the disk was full, maybe
  const Json summary = read_json(run_dir / "summary.json");
  info("{} is done, nothing is left to train: {} steps. {}", run_dir.string(),
       summary.value("/facts/steps"_json_pointer, std::string("all")),
       summary.value("verdict", std::string()));
  fmt::print("{}\n", saved_model(run_dir).string());
  return summary.value("red_lines_crossed", Json::array()).empty() ? RunEnd::finished : RunEnd::red_line;
}

}  // namespace

TrainJob train_job(const RunConfig& config, ChatModel& model, const RunData& data,
                   std::vector<MixStage> stages) {
  return {.model = model,
          .train_set = data.train,
          .eval_sets = data.eval,
          .options = config.train,
          .optim = config.optim,
          .loss = config.loss,
          .loss_by_source = loss_by_source(config.loss, data.train.sources),
          .stages = std::move(stages),
          .loss_reduction = config.data.loss_reduction,
          .protection = config.protection,
          .pack_tokens = config.data.packing ? std::max(config.data.cutoff_len, config.data.pack_length) : 1,
          .recomputed_blocks = config.model.gradient_checkpointing ? kAllBlocks : 0,
          .run_dir = config.train.output_dir,
          .stop_requested = stop_rule(config.train)};
}

OutputFolder::Use use_of(const TrainOptions& o) {
  if (wants_resume(o)) return OutputFolder::Use::resume;
  return o.overwrite_output_dir ? OutputFolder::Use::overwrite : OutputFolder::Use::fresh;
}

RunEnd train_run(RunConfig& config) {
  const fs::path run_dir = config.train.output_dir;
  const OutputFolder folder(run_dir, use_of(config.train));
  ResumePoint from;
  if (wants_resume(config.train)) from = prepare_resume(config);
  if (from.finished) return tell_end(run_dir);
  ChatModel model = load_model(config, true);
  RunData data = load_run_data(config, model, run_dir, [&](const RowSet& train, const RowSet& validation) {
    log_short_check(config.data, train, validation);
  });
  if (config.train.stage == "sft") warn_open_turns(data.train);
  settle_loss_reduction(config, data.train);
  config.model.precision = precision_name(model.lm->compute_dtype());
  forget_end(run_dir);
  write_file(run_dir / "config.yaml", dump_config(config.fields()));
  SampleSet samples = samples_before(config, model, data, from.checkpoint.has_value());
  ReplayHalves replay = replay_text(config, model, from.checkpoint.has_value());
  data.eval.replay = std::move(replay.held_out);
  data.eval.monitors = monitors_of(config, model, data);
  TrainJob job = train_job(config, model, data, stages_of(config, data.train));
  if (!replay.trained.empty()) job.replay = &replay.trained;
  const std::optional<ChatModel> teacher = load_teacher(config, model);
  if (teacher) job.teacher = teacher->lm.get();
  job.resume_from = from.checkpoint.value_or(fs::path());
  job.allow_other_data =
      std::ranges::find(config.train.allow_change, "dataset") != config.train.allow_change.end();
  HeldMemory held(config.train.max_memory);
  job.stop_requested = [&, rule = job.stop_requested] {
    held.look();
    return rule() || held.over();
  };
  catch_interrupts();  // up to here there is nothing to save, and a signal ends the program at once
  TrainSummary s = train(job);
  const Interpolation interpolation = interpolate_after(config, data, s);
  if (s.ended != kInterrupted) answer_after(samples, config, model, s);
  const RunVerdict verdict = judge(config, s, interpolation);
  write_summary({.config = config,
                 .data = data,
                 .training = s,
                 .interpolation = interpolation,
                 .verdict = verdict,
                 .samples = samples});
  info("{}\n{:.0f} tokens/s ({:.0f} supervised), {:.2f} GB at most, {}", verdict.text, s.tokens_per_s,
       s.supervised_per_s, s.peak_memory_gb, format_duration(s.seconds));
  fmt::print("{}\n", s.saved.string());
  if (s.ended != kInterrupted) return verdict.crossed.empty() ? RunEnd::finished : RunEnd::red_line;
  if (held.over() && !interrupted()) fail_over_memory(s, held.gb(), config.train);
  info("saved behind step {}; to go on: keel train {} --resume", s.steps, (run_dir / "config.yaml").string());
  return RunEnd::interrupted;
}

int run_train(Args args) {
  LoadedRun run = load_run_config({args.begin(), args.end()}, {.command = "train"});
  if (run.parsed.help) {
    fmt::print("usage: keel train [CONFIG.yaml] [--key value …]\n\n{}", options_help(run.config.fields()));
    return 0;
  }
  for (const std::string& note : run.parsed.notes) log_line(note);
  const RunEnd end = run.config.grid.grid.is_null() ? train_run(run.config) : grid_run(run.config);
  if (end == RunEnd::red_line) return kRedLineCode;
  return end == RunEnd::interrupted && interrupted() ? 130 : 0;
}

}  // namespace keel
