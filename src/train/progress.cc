#include "train/progress.h"

#include <fmt/format.h>

#include <fstream>
#include <numeric>

#include "base/log.h"

namespace keel {
namespace {

double status_gb(const std::string& key) {  // a "kB" line of /proc/self/status
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(key)) return std::stod(line.substr(key.size() + 1)) * 1024 / 1e9;
  }
  return 0;
}

}  // namespace

double resident_gb() { return status_gb("VmRSS:"); }
double peak_resident_gb() { return status_gb("VmHWM:"); }

Progress::Progress(const std::filesystem::path& run_dir, int64_t logging_steps, std::string name,
                   std::vector<std::string> sources, const RunMemory* resumed)
    : writer_(run_dir, resumed ? std::optional(MetricsMark{resumed->step, resumed->progress.metrics_bytes})
                               : std::nullopt),
      logging_steps_(logging_steps),
      name_(std::move(name)),
      sources_(std::move(sources)) {
  if (resumed) {
    first_step_ = resumed->step;
    memory_ = resumed->progress;
  }
  memory_.source_tokens.resize(sources_.size());  // other data may have been allowed
}

ProgressMemory Progress::memory() const {
  ProgressMemory out = memory_;
  out.seconds = seconds();
  out.metrics_bytes = writer_.flush();
  return out;
}

void Progress::on_step(const Position& at, const StepOutcome& o, const UpdateNote& note) {
  stepped_ = true;
  memory_.tokens += o.tokens;
  memory_.supervised += o.supervised;
  const bool last = at.step == at.total_steps;
  if (at.step % logging_steps_ == 0 || last || o.prefix) {
    Json row{{"step", at.step},
             {"epoch", at.epoch},
             {"loss", o.loss},
             {"nll", o.nll},
             {"entropy", o.entropy},
             {"mean_weight", o.weight},
             {"learning_rate", note.learning_rate},
             {"grad_norm", o.grad_norm},
             {"tokens", tokens()},
             {"supervised_tokens", supervised()},
             {"skipped", note.skipped},
             {"spikes", note.spikes},
             {"zone_tokens", o.zones.tokens},
             {"zone_weight", o.zones.weight},
             {"tokens_per_s", tokens_per_s()},
             {"elapsed_s", clock_.seconds()},
             {"memory_gb", resident_gb()},
             {"memory_peak_gb", peak_resident_gb()},
             {"eta_s", time_left(at)}};
    if (o.kl) row["kl_replay"] = *o.kl;
    if (o.teacher_kl) row["teacher_kl"] = *o.teacher_kl;
    if (o.prefix) {
      row["prefix_loss_error"] = o.prefix->loss;
      row["prefix_gradient_error"] = o.prefix->gradient;
    }
    if (note.token_batch > 0) row["token_batch"] = note.token_batch;
    if (sources_.size() > 1) row["source_share"] = source_shares();
    writer_.write(row);
    const at::Tensor nll = o.nll_N.contiguous();
    writer_.histogram(at.step, "token_loss", {nll.const_data_ptr<float>(), static_cast<size_t>(nll.numel())});
  }
  const int64_t percent = at.total_steps > 0 ? at.step * 20 / at.total_steps : 0;  // a kept line every 5 %
  print(at, o, last || percent != memory_.kept_percent);
  memory_.kept_percent = percent;
}

void Progress::on_eval(const Position& at, const Json& values) {
  Json row{{"step", at.step}, {"epoch", at.epoch}};
  row.update(values);
  writer_.write(row);
  std::string text;
  for (const auto& item : values.items()) {
    if (item.value().is_number_float())
      text += fmt::format("  {} {:.4f}", item.key(), item.value().get<double>());
  }
  log_line(fmt::format("{}evaluation at step {}:{}", name_, at.step, text));
  if (values.contains("eval_loss")) memory_.eval_loss = values["eval_loss"].get<double>();
}

Json Progress::source_shares() const {
  const double all = static_cast<double>(
      std::accumulate(memory_.source_tokens.begin(), memory_.source_tokens.end(), int64_t{0}));
  Json shares = Json::object();
  for (size_t i = 0; i < sources_.size(); ++i)
    shares[sources_[i]] = all > 0 ? static_cast<double>(memory_.source_tokens[i]) / all : 0.0;
  return shares;
}

void Progress::pause(double seconds) {
  paused_ += seconds;
  if (!stepped_) paused_before_ += seconds;
}

double Progress::time_left(const Position& at) const {
  const int64_t done = at.step - first_step_;
  if (done <= 0) return 0;
  // Later evaluations come again, the one before the first step does not.
  const double seconds = clock_.seconds() - paused_before_;
  return seconds / static_cast<double>(done) * static_cast<double>(at.total_steps - at.step);
}

void Progress::print(const Position& at, const StepOutcome& o, bool keep) {
  const std::string eval = memory_.eval_loss ? fmt::format("  val {:.3f}", *memory_.eval_loss) : "";
  progress_line(fmt::format("{}step {}/{}  loss {:.3f}{}  {:.0f} tokens/s  {:.1f} GB  {} left", name_,
                            at.step, at.total_steps, o.loss, eval, tokens_per_s(), resident_gb(),
                            format_duration(time_left(at))),
                keep);
}

}  // namespace keel
