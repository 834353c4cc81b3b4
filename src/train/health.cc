#include "train/health.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "base/names.h"
#include "train/moments.h"

namespace keel {
namespace {

constexpr size_t kNamedRows = 3;              // of a step, in a message
constexpr double kLeastLossDeviation = 0.01;  // times max(1, mean)
constexpr double kLeastNormDeviation = 0.1;   // of its logarithm
constexpr double kHopelessShare = 0.9;
constexpr double kNoMovement = 0.01;      // share of the loss
constexpr double kNoEvalMovement = 1e-4;  // the same rows: no noise
constexpr int64_t kFewestUpdates = 20;    // before an evaluation tells anything

std::string spike_text(const char* what, double value, double usual, double z) {
  return fmt::format("{} {:.4g}, usually {:.4g} (z {:.1f})", what, value, usual, z);
}

}  // namespace

std::string named_rows(std::span<const Batch> micro) {
  std::vector<std::string> places;
  size_t rows = 0;
  for (const Batch& b : micro)
    for (const Example* e : b.examples)
      if (++rows <= kNamedRows) places.push_back(e->place);
  return join(places) + (rows > kNamedRows ? fmt::format(" and {} more", rows - kNamedRows) : "");
}

void add(Reading& reading, const StepOutcome& outcome) {
  reading.supervised += outcome.supervised;
  const double share = static_cast<double>(outcome.supervised) / static_cast<double>(reading.supervised);
  const auto mix = [share](double& mean, double value) { mean += share * (value - mean); };
  mix(reading.nll, outcome.nll);
  mix(reading.grad_norm, outcome.grad_norm);
  mix(reading.weight, outcome.weight);
  mix(reading.hopeless, outcome.zones.tokens[3]);
}

std::vector<std::string> Health::warnings() const {
  std::vector<std::string> out;
  for (const auto& [kind, text] : memory_.said) {
    out.push_back(text);
    if (kind == "spike" && memory_.spikes > 1)
      out.back() += fmt::format("\n  in all: {} steps with a spike", memory_.spikes);
  }
  return out;
}

bool Health::accepts(const Reading& r) {
  judge_labels(r);
  judge_movement(r);
  if (options_.loss_spike == "off") return true;
  HealthMemory& m = memory_;
  const double usual_loss = m.loss.mean, usual_norm = std::exp(m.log_norm.mean);
  const double loss_z = judge(m.loss, r.nll, kLeastLossDeviation * std::max(1.0, usual_loss));
  const double norm_z = judge(m.log_norm, std::log(r.grad_norm), kLeastNormDeviation);
  std::string found;
  if (loss_z >= options_.loss_spike_z) found = spike_text("loss per token", r.nll, usual_loss, loss_z);
  if (norm_z >= options_.loss_spike_z)
    found += (found.empty() ? "" : "; ") + spike_text("gradient norm", r.grad_norm, usual_norm, norm_z);
  if (found.empty()) return true;
  ++m.spikes;
  tell_spike(r, found);
  return options_.loss_spike != "skip";
}

double Health::judge(Moments& usual, double x, double least) const {
  if (!std::isfinite(x)) return 0;  // the logarithm of a norm of 0; a loss that its weighting leaves out
  const double z = usual.count < kSpikeWarmUp ? 0 : z_of(usual, x, least);
  if (z > options_.loss_spike_z) x = usual.mean + (x - usual.mean) * options_.loss_spike_z / z;
  add(usual, x, kSpikeFade);
  return z;
}

void Health::tell_spike(const Reading& r, const std::string& found) {
  const bool skipped = options_.loss_spike == "skip";
  const std::string text = fmt::format("step {}: a spike: {}; {}\n  rows:   {}", r.step, found,
                                       skipped ? "its update is left out" : "its update is made", r.rows);
  if (memory_.spikes == 1)
    return say("spike", text +
                            "\n  likely: bad rows, or a learning_rate that is too high\n"
                            "  try:    look at these rows; " +
                            (skipped ? "a lower learning_rate" : "loss_spike: skip; a lower learning_rate"));
  if (memory_.spikes <= kSpikesTold) warn_line(text);
  if (memory_.spikes == kSpikesTold) warn("more spikes are only counted (spikes in metrics.jsonl)");
}

void Health::note_finite(int64_t step) {
  streak_.clear();
  memory_.finite_step = step;
}

void Health::note_bad(const BadUpdate& u) {
  streak_.push_back(u);
  warn("step {}: loss or gradient is not finite (loss {}, gradient norm {}); the step was skipped", u.step,
       u.loss, u.grad_norm);
}

void Health::begin_stage() {
  memory_.loss = memory_.log_norm = memory_.early = memory_.late = {};
  memory_.moves = false;
}

void Health::judge_labels(const Reading& r) {
  HealthMemory& m = memory_;
  m.hopeless_steps = r.hopeless >= kHopelessShare ? m.hopeless_steps + 1 : 0;
  m.weightless_steps = r.weight == 0 ? m.weightless_steps + 1 : 0;
  if (m.hopeless_steps == kZoneSteps)
    say("zone",
        fmt::format(
            "step {}: {:.0f} % of the supervised tokens have a loss of 15 or more, {} steps in a row\n"
            "  likely: the chat template or the tokenizer is not the one that the model was made with\n"
            "  try:    keel data preview shows what is trained; template, chat_template",
            r.step, 100 * r.hopeless, kZoneSteps));
  if (m.weightless_steps == kZoneSteps)
    say("weight",
        fmt::format(
            "step {}: every supervised token has token weight 0, {} steps in a row: nothing is learned\n"
            "  likely: token_weighting gives none to such losses (mean {:.3g}; nlirg: "
            "nlirg_loss_deadline)\n"
            "  try:    token_weighting: none shows whether the loss falls at all",
            r.step, kZoneSteps, r.nll));
}

void Health::no_labels(int64_t step, const std::string& rows) {
  say("labels", fmt::format("step {}: no supervised token, every one is masked; the step was skipped\n"
                            "  rows:   {}\n"
                            "  likely: train_on, or weights of 0 of rows and messages\n"
                            "  try:    keel data preview shows what is trained",
                            step, rows));
}

void Health::no_rate(size_t stage, bool whole_run, double learning_rate) {
  const std::string where = whole_run ? "the run" : fmt::format("stage {}", stage + 1);
  say(fmt::format("rate {}", stage),
      fmt::format("learning_rate: it is 0 in every step of {}, so nothing is learned there\n  {}", where,
                  learning_rate == 0
                      ? "likely: learning_rate is 0\n  try:    learning_rate: 2e-5"
                      : "likely: its only steps are warm-up\n  try:    more steps, or warmup_ratio: 0"));
}

// Sure of it only where the noise of the losses could not hide a movement: the change and twice its standard
// error together stay below one percent. Asked when the number of later steps has doubled, so that a loss
// that passes its first value on its way is not met there by chance.
void Health::judge_movement(const Reading& r) {
  HealthMemory& m = memory_;
  if (m.moves || r.learning_rate == 0 || !std::isfinite(r.nll)) return;
  if (m.early.count < kEarly) return add(m.early, r.nll);
  add(m.late, r.nll);
  const int64_t times = m.late.count / kEarly;
  if (m.late.count % kEarly != 0 || (times & (times - 1)) != 0) return;
  const double change = std::abs(m.late.mean - m.early.mean), limit = kNoMovement * m.early.mean;
  const double error = 2 * std::sqrt(m.early.variance / static_cast<double>(m.early.count) +
                                     m.late.variance / static_cast<double>(m.late.count));
  m.moves = change > limit + error;
  if (change + error < limit)
    say_stuck(
        fmt::format("step {}: the training loss does not move: {:.4g} per token in {} steps, {:.4g} "
                    "in the {} after them",
                    r.step, m.early.mean, m.early.count, m.late.mean, m.late.count));
}

void Health::judge_evaluation(double before, double now) {
  if (memory_.early.count + memory_.late.count < kFewestUpdates) return;
  if (!(std::abs(now - before) <= kNoEvalMovement * before)) return;
  say_stuck(
      fmt::format("the validation loss does not move: {:.5g} before training, {:.5g} now", before, now));
}

void Health::say_stuck(const std::string& found) {
  say("stuck",
      fmt::format("{}\n"
                  "  likely: a learning_rate that is too small, freeze patterns that leave too little "
                  "(trained: {} of {} values), or data that the model knows already\n"
                  "  try:    ten times the learning_rate; look at freeze",
                  found, format_count(options_.trained), format_count(options_.parameters)));
}

void Health::say(const std::string& kind, const std::string& text) {
  const auto same = [&](const auto& said) { return said.first == kind; };
  if (std::ranges::any_of(memory_.said, same)) return;
  memory_.said.emplace_back(kind, text);
  warn_line(text);
}

}  // namespace keel
