// keel train: a configuration to a run folder.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <span>

#include "app/commands.h"
#include "app/data_subject.h"
#include "app/grid_run.h"
#include "app/interpolation.h"
#include "app/interrupt.h"
#include "app/monitor_material.h"
#include "app/replay_text.h"
#include "app/resume.h"
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
#include "config/red_lines.h"
#include "config/validate.h"
#include "data/mix.h"
#include "model/precision.h"
#include "report/html.h"
#include "train/trainer.h"

namespace keel {
namespace {

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
  if (s.quarantined > 0) facts["rows left out (quarantine.jsonl)"] = s.quarantined;
  if (s.skipped > 0) facts["updates left out"] = s.skipped;
  if (s.monitor_seconds > 0)
    facts["monitors"] = fmt::format("{}, {:.1f} % of the training time", format_duration(s.monitor_seconds),
                                    100 * s.monitor_seconds / s.seconds);
  facts.update(version_facts());
  return facts;
}

// What programs read; the facts are for people.
Json figures_of(const TrainSummary& s) {
  return {{"steps", s.steps},
          {"tokens", s.tokens},
          {"supervised_tokens", s.supervised},
          {"seconds", s.seconds},
          {"tokens_per_s", s.tokens_per_s},
          {"ended", s.ended}};
}

// A monitor as people read it; the name behind it is the one of metrics.jsonl and gates.
std::string monitor_title(const std::string& name) {
  static const std::map<std::string, std::string> titles = {
      {"kl_domain", "KL from the model as it was, domain"},
      {"kl_general", "KL from the model as it was, general text"},
      {"train_rows_loss", "loss per token of training rows"},
      {"train_gap", "domain loss above that of training rows"},
      {"rep4", "answers to fixed prompts: repetition"},
      {"end_of_turn", "answers to fixed prompts: end by themselves"},
      {"copied", "answers to fixed prompts: copied from a training reply"}};
  return fmt::format("{} ({})", titles.at(name), name);
}

Json tables_of(const TrainSummary& s, const Interpolation& interpolation) {
  const auto cell = [](const std::optional<double>& v) {
    return v ? fmt::format("{:.4f}", std::abs(*v) < 5e-5 ? 0.0 : *v) : std::string("–");  // no "-0.0000"
  };
  Json rows = Json::array();
  if (s.before.domain)
    rows.push_back({"domain, loss per token", cell(s.before.domain), cell(s.after.domain)});
  for (const auto& [source, nll] : s.after.by_source) {
    const auto was = s.before.by_source.find(source);  // missing where a resumed run has other data
    const bool known = was != s.before.by_source.end();
    rows.push_back(
        {source + ", loss per token", cell(known ? std::optional(was->second) : std::nullopt), cell(nll)});
  }
  if (s.before.general)
    rows.push_back({"general, loss per token", cell(s.before.general), cell(s.after.general)});
  if (s.before.kl)
    rows.push_back(
        {"KL from the model as it was, per token of its own text", cell(s.before.kl), cell(s.after.kl)});
  for (const auto& [name, value] : s.after.monitors) {
    const auto was = s.before.monitors.find(name);
    const bool known = was != s.before.monitors.end();
    rows.push_back(
        {monitor_title(name), cell(known ? std::optional(was->second) : std::nullopt), cell(value)});
  }
  rows.push_back({"training loss, first and last step", fmt::format("{:.4f}", s.first_loss),
                  fmt::format("{:.4f}", s.last_loss)});
  Json tables =
      Json::array({{{"title", "Before and after"}, {"columns", {"", "before", "after"}}, {"rows", rows}}});
  if (!interpolation.models.empty()) tables.push_back(interpolation.table());
  return tables;
}

std::vector<std::string> crossed_lines(const RunConfig& config, const TrainSummary& s) {
  if (s.ended == kInterrupted) return {};
  std::vector<ErrorText> told_before;
  return crossed(red_lines(config.protection.gates, "gates", told_before), s.before.row(), s.after.row());
}

std::string verdict_of(const TrainSummary& s, std::span<const std::string> crossed) {
  std::string out =
      fmt::format("The run {}.", s.ended == "finished" ? "finished" : "ended before its plan: " + s.ended);
  if (s.before.domain) out += fmt::format(" Domain loss {}.", change(s.before.domain, s.after.domain));
  if (s.before.general) out += fmt::format(" General loss {}.", change(s.before.general, s.after.general));
  if (!s.before.domain)
    out += " Nothing was held out, so this run cannot say what was learned: set val_size or eval_dataset.";
  for (const std::string& line : crossed) out += fmt::format(" RED LINE crossed: {}.", line);
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

// The answers before training, which a resumed run finds as they were.
SampleSet samples_before(const RunConfig& config, ChatModel& model, const RunData& data, bool resumed) {
  SampleSet samples =
      pick_samples(model, data.eval.domain.empty() ? data.train.examples : ExampleSet::of(data.eval.domain),
                   config.train.sample_count);
  const fs::path file = fs::path(config.train.output_dir) / "samples_before.json";
  if (resumed && samples.read_answers(file)) return samples;
  answer_samples(samples, model, "before", config.generate);
  write_file(file, samples.to_json().dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  return samples;
}

// The answers of the model that was saved, which is not always the one in memory.
void answer_after(SampleSet& samples, const RunConfig& config, ChatModel& model, const TrainSummary& s) {
  if (s.saved_is_in_memory) return answer_samples(samples, model, "after", config.generate);
  ChatModel saved = load_trained(config, s.saved);
  answer_samples(samples, saved, "after", config.generate);
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

// What the run says of itself at its end.
struct RunVerdict {
  std::vector<std::string> crossed;  // red lines
  std::string text;
  Interpolation interpolation;
};

RunVerdict judge(const RunConfig& config, const TrainSummary& s, Interpolation interpolation) {
  RunVerdict out{.crossed = crossed_lines(config, s), .text = {}, .interpolation = std::move(interpolation)};
  out.text = verdict_of(s, out.crossed) + out.interpolation.sentence();
  return out;
}

void write_summary(const RunConfig& config, const RunData& data, const TrainSummary& s,
                   const RunVerdict& verdict, const SampleSet& samples) {
  const fs::path run_dir = config.train.output_dir;
  const Json summary{
      {"title", fmt::format("{} on {}", config.model.model_name_or_path, join(data.train.sources))},
      {"verdict", verdict.text},
      {"red_lines_crossed", verdict.crossed},
      {"command", fmt::format("keel train {} --output_dir NEW_FOLDER", (run_dir / "config.yaml").string())},
      {"warnings", s.warnings},
      {"facts", facts_of(config, data, s)},
      {"tables", tables_of(s, verdict.interpolation)},
      {"figures", figures_of(s)},
      {"losses", {{"before", s.before.row()}, {"after", s.after.row()}}},
      {"samples", samples.to_json()}};
  write_file(run_dir / "summary.json", summary.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  write_report(run_dir);
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
          .gradient_checkpointing = config.model.gradient_checkpointing,
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
  catch_interrupts();  // up to here there is nothing to save, and a signal ends the program at once
  TrainSummary s = train(job);
  Interpolation interpolation = interpolate_after(config, data, s);
  if (s.ended != kInterrupted) answer_after(samples, config, model, s);
  const RunVerdict verdict = judge(config, s, std::move(interpolation));
  write_summary(config, data, s, verdict, samples);
  info("{}\n{:.0f} tokens/s ({:.0f} supervised), {:.2f} GB at most, {}", verdict.text, s.tokens_per_s,
       s.supervised_per_s, s.peak_memory_gb, format_duration(s.seconds));
  fmt::print("{}\n", s.saved.string());
  if (s.ended != kInterrupted) return verdict.crossed.empty() ? RunEnd::finished : RunEnd::red_line;
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
