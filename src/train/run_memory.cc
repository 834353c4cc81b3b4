#include "train/run_memory.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "base/error.h"

namespace keel {
namespace {

// JSON has no word for these; every finite double is printed so that it reads back as itself.
Json exact(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}

double exact_from(const Json& json) {
  if (json.is_number()) return json.get<double>();
  const auto text = json.get<std::string>();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return text == "NaN"        ? std::numeric_limits<double>::quiet_NaN()
         : text == "Infinity" ? kInfinity
                              : -kInfinity;
}

Json maybe(const std::optional<double>& value) { return value ? exact(*value) : Json(); }

std::optional<double> maybe_from(const Json& json) {
  return json.is_null() ? std::nullopt : std::optional(exact_from(json));
}

Json to_json(const std::map<std::string, double>& by_name) {
  Json out = Json::object();
  for (const auto& [name, value] : by_name) out[name] = exact(value);
  return out;
}

std::map<std::string, double> numbers_from(const Json& json) {
  std::map<std::string, double> out;
  for (const auto& item : json.items()) out[item.key()] = exact_from(item.value());
  return out;
}

Json to_json(const RowLosses& rows) {
  Json out = Json::array();
  for (const RowLoss& r : rows) out.push_back({exact(r.nll), r.tokens});
  return out;
}

RowLosses row_losses_from(const Json& json) {
  RowLosses out;
  for (const Json& r : json) out.push_back({.nll = exact_from(r.at(0)), .tokens = r.at(1)});
  return out;
}

Json to_json(const EvalOutcome& o) {
  return {{"domain", maybe(o.domain)},
          {"general", maybe(o.general)},
          {"kl", maybe(o.kl)},
          {"by_source", to_json(o.by_source)},
          {"monitors", to_json(o.monitors)},
          {"domain_rows", to_json(o.domain_rows)},
          {"general_rows", to_json(o.general_rows)},
          {"best", o.best},
          {"stop", o.stop},
          {"forgot", o.forgot}};
}

EvalOutcome outcome_from(const Json& json) {
  return {.domain = maybe_from(json.at("domain")),
          .general = maybe_from(json.at("general")),
          .kl = maybe_from(json.at("kl")),
          .by_source = numbers_from(json.at("by_source")),
          .monitors = numbers_from(json.at("monitors")),
          .domain_rows = row_losses_from(json.at("domain_rows")),
          .general_rows = row_losses_from(json.at("general_rows")),
          .best = json.at("best"),
          .stop = json.at("stop"),
          .forgot = json.at("forgot")};
}

Json to_json(const EvaluatorMemory& m) {
  return {{"best", m.best ? to_json(*m.best) : Json()},
          {"best_step", m.best_step},
          {"best_by_source", to_json(m.best_by_source)},
          {"since_better", m.since_better}};
}

EvaluatorMemory evaluator_from(const Json& json) {
  EvaluatorMemory m{.best = {},
                    .best_step = json.at("best_step"),
                    .best_by_source = numbers_from(json.at("best_by_source")),
                    .since_better = json.at("since_better")};
  if (!json.at("best").is_null()) m.best = outcome_from(json.at("best"));
  return m;
}

Json to_json(const std::vector<SickRow>& rows) {
  Json out = Json::array();
  for (const SickRow& r : rows) out.push_back({{"step", r.step}, {"example", r.example}, {"found", r.found}});
  return out;
}

std::vector<SickRow> rows_from(const Json& json) {
  std::vector<SickRow> out;
  for (const Json& r : json)
    out.push_back({.step = r.at("step"), .example = r.at("example"), .found = r.at("found")});
  return out;
}

Json to_json(const Moments& m) {
  return {{"mean", exact(m.mean)}, {"variance", exact(m.variance)}, {"count", m.count}};
}

Moments moments_from(const Json& json) {
  return {.mean = exact_from(json.at("mean")),
          .variance = exact_from(json.at("variance")),
          .count = json.at("count")};
}

Json to_json(const PrefixMemory& m) {
  return {{"loss", exact(m.loss)}, {"gradient", exact(m.gradient)}, {"count", m.count}};
}

PrefixMemory prefix_from(const Json& json) {
  return {.loss = exact_from(json.at("loss")),
          .gradient = exact_from(json.at("gradient")),
          .count = json.at("count")};
}

Json to_json(const HealthMemory& m) {
  Json said = Json::array();
  for (const auto& [kind, text] : m.said) said.push_back({{"kind", kind}, {"text", text}});
  return {{"finite_step", m.finite_step},
          {"loss", to_json(m.loss)},
          {"log_norm", to_json(m.log_norm)},
          {"spikes", m.spikes},
          {"hopeless_steps", m.hopeless_steps},
          {"weightless_steps", m.weightless_steps},
          {"early", to_json(m.early)},
          {"late", to_json(m.late)},
          {"moves", m.moves},
          {"said", said}};
}

HealthMemory health_from(const Json& json) {
  HealthMemory m{.finite_step = json.at("finite_step"),
                 .loss = moments_from(json.at("loss")),
                 .log_norm = moments_from(json.at("log_norm")),
                 .spikes = json.at("spikes"),
                 .hopeless_steps = json.at("hopeless_steps"),
                 .weightless_steps = json.at("weightless_steps"),
                 .early = moments_from(json.at("early")),
                 .late = moments_from(json.at("late")),
                 .moves = json.at("moves"),
                 .said = {}};
  for (const Json& w : json.at("said")) m.said.emplace_back(w.at("kind"), w.at("text"));
  return m;
}

RunMemory read(const Json& json) {
  const Json &rule = json.at("token_batch"), &progress = json.at("progress");
  return {.step = json.at("step"),
          .updates = json.at("updates"),
          .skipped = json.at("skipped"),
          .open_step = json.at("open_step"),
          .ended = json.at("ended"),
          .first_loss = exact_from(json.at("first_loss")),
          .last_loss = exact_from(json.at("last_loss")),
          .before = outcome_from(json.at("before")),
          .after = outcome_from(json.at("after")),
          .evaluator = evaluator_from(json.at("evaluator")),
          .token_batch = {.k = rule.at("k"),
                          .first = exact_from(rule.at("first")),
                          .sum = exact_from(rule.at("sum")),
                          .count = rule.at("count")},
          .prefix = prefix_from(json.at("prefix")),
          .progress = {.tokens = progress.at("tokens"),
                       .supervised = progress.at("supervised"),
                       .seconds = exact_from(progress.at("seconds")),
                       .eval_loss = maybe_from(progress.at("eval_loss")),
                       .kept_percent = progress.at("kept_percent"),
                       .source_tokens = progress.at("source_tokens").get<std::vector<int64_t>>(),
                       .metrics_bytes = progress.at("metrics_bytes"),
                       .monitor_seconds = progress.at("monitor_seconds")},
          .health = health_from(json.at("health")),
          .quarantine = rows_from(json.at("quarantine")),
          .data_hash = json.at("data_hash"),
          .precision = json.at("precision"),
          .threads = json.at("threads")};
}

}  // namespace

Json EvalOutcome::row() const {
  Json out = Json::object();
  if (domain) out["eval_loss"] = *domain;
  for (const auto& [name, nll] : by_source) out["eval_loss/" + name] = nll;
  if (general) out["general_loss"] = *general;
  if (kl) out["kl_from_start"] = *kl;
  for (const auto& [name, value] : monitors) out[name] = value;
  return out;
}

Json to_json(const RunMemory& m) {
  return {{"step", m.step},
          {"updates", m.updates},
          {"skipped", m.skipped},
          {"open_step", m.open_step},
          {"ended", m.ended},
          {"first_loss", exact(m.first_loss)},
          {"last_loss", exact(m.last_loss)},
          {"before", to_json(m.before)},
          {"after", to_json(m.after)},
          {"evaluator", to_json(m.evaluator)},
          {"token_batch",
           {{"k", m.token_batch.k},
            {"first", exact(m.token_batch.first)},
            {"sum", exact(m.token_batch.sum)},
            {"count", m.token_batch.count}}},
          {"prefix", to_json(m.prefix)},
          {"progress",
           {{"tokens", m.progress.tokens},
            {"supervised", m.progress.supervised},
            {"seconds", exact(m.progress.seconds)},
            {"eval_loss", maybe(m.progress.eval_loss)},
            {"kept_percent", m.progress.kept_percent},
            {"source_tokens", m.progress.source_tokens},
            {"metrics_bytes", m.progress.metrics_bytes},
            {"monitor_seconds", m.progress.monitor_seconds}}},
          {"health", to_json(m.health)},
          {"quarantine", to_json(m.quarantine)},
          {"data_hash", m.data_hash},
          {"precision", m.precision},
          {"threads", m.threads}};
}

RunMemory run_memory_from(const Json& json, const std::string& where) {
  try {
    return read(json);
  } catch (const Json::exception& e) {
    throw UserError({.where = where,
                     .found = fmt::format("a state that cannot be read ({})", e.what()),
                     .wanted = "the trainer_state.json of a checkpoint of this version of keel"});
  }
}

}  // namespace keel
