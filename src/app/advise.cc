// keel advise: what the base model says of the data, and what to begin with. The rules are in
// experiment/advice.h.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "app/data_subject.h"
#include "app/session.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/names.h"
#include "config/validate.h"
#include "config/values.h"
#include "data/mix.h"
#include "data/sampler.h"
#include "doctor/wording.h"
#include "eval/nll.h"
#include "experiment/advice.h"

namespace keel {
namespace {

constexpr double kWatchedRise = 0.05;  // stop_on_forgetting of the configuration that is written

struct AdviseOptions {
  int64_t rows = 64, sample_tokens = 20'000;
  std::string json;

  template <class V>
  void fields(V& v) {
    v.group("advice");
    v("rows", rows, "samples that the base model is asked about, spread evenly over the training set",
      {.min = 1});
    v("sample_tokens", sample_tokens,
      "tokens of these samples at most; one sample is read whatever its length", {.min = 1});
    v("json", json, "file for the figures, the advice and the configuration, for machines");
  }
};

struct Advised {
  int64_t samples = 0;  // of the training set
  int64_t samples_per_step = 0;
  Familiarity seen;
  RunShape run;
  Advice advice;
  std::string config;  // YAML
};

void check_advised(const RunConfig& config) {
  std::vector<ErrorText> problems;
  if (config.model.model_name_or_path.empty())
    problems.push_back({.where = "model_name_or_path",
                        .found = "not given",
                        .wanted = "the folder of the model that is to be trained"});
  if (config.data.dataset.empty() && config.data.datasets.empty())
    problems.push_back({.where = "dataset", .found = "not given", .wanted = "one or more files"});
  throw_problems(problems);
}

Familiarity ask_base(ChatModel& model, const std::vector<Example>& sample) {
  FamiliarityMeter meter;
  nll_over(*model.lm, sample, {.on_row = [&](const RowSignals& row) { meter.add(row); }});
  const Familiarity f = meter.result();
  if (std::isfinite(f.loss)) return f;
  throw UserError({.where = "model_name_or_path",
                   .found = "a model that gives the data a loss which is no number",
                   .wanted = "a model that can be trained",
                   .hint = "precision: fp32 if it was made for a wider type; else its weights are broken"});
}

RunShape shape_of(const RunConfig& config, const ChatModel& model, const Dataset& train) {
  const TrainOptions& o = config.train;
  RunShape run{.lora = config.model.finetuning_type == "lora",
               .texts = o.stage == "cpt",
               .rows = train.stats.rows,
               .token_batch = o.token_batch,
               .protects = config.protection.protect || config.protection.kl_replay > 0,
               .watches = !config.data.general_dataset.empty(),
               .validates = has_validation(config.data)};
  for (const Parameter& p : model.lm->parameters()) run.parameters += p.tensor.numel();
  run.vocabulary = model.lm->head_VD().size(0);
  const Sampler sampler(train.examples.lengths(),
                        {.batch_size = o.per_device_train_batch_size,
                         .accumulation = o.gradient_accumulation_steps,
                         .epochs = o.num_train_epochs,
                         .max_steps = o.max_steps},
                        make_mix(train, config.data, static_cast<uint64_t>(o.seed)).stages);
  run.steps = sampler.total_steps();
  run.epochs = sampler.epochs_done(run.steps);
  const double each =
      static_cast<double>(train.stats.supervised) / static_cast<double>(train.examples.size());
  run.supervised_per_step =
      each * static_cast<double>(o.per_device_train_batch_size * o.gradient_accumulation_steps);
  if (o.token_batch > 0) {  // a step per window of a sample, its tail too
    const double windows = std::ceil(each / static_cast<double>(o.token_batch));
    if (o.max_steps == 0) run.steps = static_cast<int64_t>(static_cast<double>(run.steps) * windows);
    if (o.max_steps > 0) run.epochs /= windows;
    run.supervised_per_step = std::min(each, static_cast<double>(o.token_batch));
  }
  return run;
}

// The options that differ from their defaults, with the advice in place; what others would be refused or
// ignored beside it is left out.
std::string advised_config(RunConfig config, const RunShape& run, const Advice& advice) {
  config.loss.token_weighting = advice.token_weighting;
  config.loss.weighting_control = "none";
  config.loss.weighting_by_dataset = Json();
  config.optim.learning_rate = advice.rates[advice.rates.size() / 2];
  config.train.num_train_epochs = static_cast<double>(advice.epochs);
  config.protection.protect = config.protection.protect || (advice.protect && !run.protects);
  if (config.train.output_dir.empty()) config.train.output_dir = "runs/advised";
  if (!run.validates && run.rows >= kFewRows) config.data.val_size = 0.1;
  if (run.watches && has_validation(config.data) && config.protection.stop_on_forgetting == 0)
    config.protection.stop_on_forgetting = kWatchedRise;
  static const std::set<std::string> kAlways{"token_weighting", "learning_rate", "num_train_epochs",
                                             "finetuning_type"};
  RunConfig defaults;
  const std::vector<FieldRef> fields = config.fields(), usual = defaults.fields();
  std::string out;
  for (size_t i = 0; i < fields.size(); ++i) {
    const std::string value = value_text(fields[i]);
    if (value != value_text(usual[i]) || kAlways.contains(fields[i].name))
      out += fmt::format("{}: {}\n", fields[i].name, value);
  }
  return out;
}

Advised advise_on(const RunConfig& config, const AdviseOptions& options) {
  RunConfig read = config;
  // A fresh adapter says what the base says, and would only be counted among its parameters.
  if (read.model.adapter_name_or_path.empty()) read.model.finetuning_type = "full";
  // What is held out in other files is not looked at.
  read.data.eval_dataset.clear();
  read.data.general_dataset.clear();
  ChatModel model = load_model(read, false);
  const RunData data = load_run_data(read, model, {});
  Advised out{.samples = static_cast<int64_t>(data.train.examples.size()),
              .samples_per_step =
                  config.train.per_device_train_batch_size * config.train.gradient_accumulation_steps};
  out.seen = ask_base(model, data.train.examples.spread(options.rows, options.sample_tokens));
  out.run = shape_of(config, model, data.train);
  out.advice = advise(out.seen, out.run);
  out.config = advised_config(config, out.run, out.advice);
  return out;
}

std::string figures_page(const Advised& a) {
  const Familiarity& f = a.seen;
  std::string out = fmt::format("Read {} of {}, evenly spread: {}, {:.1f} a {}.\n\n", format_count(f.rows),
                                counted(a.samples, "sample"), counted(f.tokens, "trained token"),
                                f.tokens_per_reply(), a.run.texts ? "text" : "reply");
  const auto line = [&](const char* name, const std::string& text) {
    out += fmt::format("  {:<12} {}\n", name, text);
  };
  line("loss",
       fmt::format("{:.3f} a token, median {:.3f}; entropy {:.3f}", f.loss, f.median_loss, f.entropy));
  line("probability", fmt::format("{} on average; 0.5 or more: {} of the tokens; 0.9 or more: {}",
                                  percent(f.probability), percent(f.half), percent(f.sure)));
  line("loss zones", fmt::format("<= 1.45: {} · 1.45–6.6: {} · 6.6–15: {} · >= 15: {}", percent(f.zones[0]),
                                 percent(f.zones[1]), percent(f.zones[2]), percent(f.zones[3])));
  if (!a.run.texts)
    line("replies",
         fmt::format("loss of the first token {:.3f}, of those after it {:.3f}", f.first_loss, f.rest_loss));
  if (f.ends > 0)
    line("end of turn", fmt::format("loss {:.3f}; 0.5 or more: {} of {}", f.end_loss, percent(f.end_half),
                                    format_count(f.ends)));
  line("the run",
       fmt::format("{} of {}, about {:.0f} trained tokens each; {:.3g} {}", counted(a.run.steps, "step"),
                   a.run.token_batch > 0 ? "one window" : counted(a.samples_per_step, "sample"),
                   a.run.supervised_per_step, a.run.epochs, a.run.epochs == 1 ? "pass" : "passes"));
  return out;
}

std::string rates_list(const Advice& advice) {
  std::vector<std::string> out;
  for (const double rate : advice.rates) out.push_back(rate_text(rate));
  return join(out);
}

std::string advice_page(const Advised& a) {
  const Advice& x = a.advice;
  std::string out = fmt::format("\n1. What the base knows: {}. {}\n", known_name(x.known), x.known_why);
  out += fmt::format("2. token_weighting: {}. {}", x.token_weighting, x.weighting_why);
  if (!x.also_try.empty()) out += fmt::format(" Arms to compare it with: {}.", join(x.also_try));
  out += fmt::format("\n3. learning_rate: {}. {}\n   num_train_epochs: {}. {}\n", rates_list(x), x.rates_why,
                     x.epochs, x.epochs_why);
  out += fmt::format("4. protect: {}. {} {}\n5. ", x.protect || a.run.protects, x.protect_why, x.watch_why);
  if (x.cautions.empty()) out += "Nothing else stands out.\n";
  for (size_t i = 0; i < x.cautions.size(); ++i)
    out += fmt::format("{}Take care [{}]: {}\n", i == 0 ? "" : "   ", x.cautions[i].code, x.cautions[i].text);
  return out;
}

constexpr const char* kThumb =
    "These are rules of thumb, not measurements of what comes out: keel compare settles it on your data.";

Json to_json(const Advised& a) {
  return {{"samples", a.samples},
          {"base", to_json(a.seen)},
          {"run",
           {{"parameters", a.run.parameters},
            {"rows", a.run.rows},
            {"steps", a.run.steps},
            {"epochs", a.run.epochs},
            {"supervised_per_step", a.run.supervised_per_step}}},
          {"advice", to_json(a.advice)},
          {"config", a.config},
          {"note", kThumb}};
}

}  // namespace

int run_advise(Args args) {
  RunConfig config;
  AdviseOptions options;
  if (!parse_data_options("advise",
                          "[CONFIG.yaml] --model_name_or_path DIR --dataset FILE [any option of keel train]",
                          config, collect_fields(options), args))
    return 0;
  check_advised(config);
  const Advised advised = advise_on(config, options);
  if (!options.json.empty())
    write_file(options.json, to_json(advised).dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  fmt::print("{}{}\nA configuration to begin with:\n\n{}\n{}\n", figures_page(advised), advice_page(advised),
             advised.config, kThumb);
  return 0;
}

}  // namespace keel
