#include "app/data_subject.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "config/help.h"
#include "doctor/diagnose.h"
#include "doctor/text_page.h"
#include "doctor/wording.h"

namespace keel {
namespace {

void check_options(const RunConfig& config) {
  std::vector<ErrorText> problems;
  if (config.data.dataset.empty() && config.data.datasets.empty())
    problems.push_back({.where = "dataset", .found = "not given", .wanted = "one or more files"});
  throw_problems(problems);
  plan_stages(training_specs(config.data), config.data.mixing, problems);
  if (config.data.val_size > 0 && !validation_specs(config.data).empty())
    problems.push_back(
        {.where = "val_size", .found = "val_size and eval_dataset, both", .wanted = "one of them"});
  throw_problems(problems);
}

// Options that other commands of the run have, and the check does not look at.
bool is_told(const FieldRef& field) {
  static const std::vector<std::string> kOthers{"model_name_or_path",
                                                "add_tokens",
                                                "num_train_epochs",
                                                "max_steps",
                                                "per_device_train_batch_size",
                                                "gradient_accumulation_steps"};
  return field.group == "data" || std::ranges::find(kOthers, field.name) != kOthers.end();
}

}  // namespace

void check_model_given(const RunConfig& config) {
  std::vector<ErrorText> problems;
  if (config.data.dataset.empty() && config.data.datasets.empty())
    problems.push_back({.where = "dataset", .found = "not given", .wanted = "one or more files"});
  if (config.model.model_name_or_path.empty())
    problems.push_back({.where = "model_name_or_path",
                        .found = "not given",
                        .wanted = "the folder of a model: its tokenizer and chat template make the tokens"});
  throw_problems(problems);
}

TextModelOptions text_options(const RunConfig& config) {
  return {.model = config.model,
          .template_name = config.data.template_name,
          .chat_template_file = config.data.chat_template};
}

LoadedSubject load_subject(const RunConfig& config, const DoctorOptions& limits) {
  check_options(config);
  const DataOptions& o = config.data;
  LoadedSubject out;
  Subject& s = out.subject;
  std::optional<EncodeContext> encode;
  if (!config.model.model_name_or_path.empty()) {
    out.model = std::make_unique<TextModel>(load_text_model(text_options(config)));
    encode.emplace(encode_context(out.model->tokenizer, out.model->chat_template, o));
    if (o.overlength == "error") encode->overlength = "drop";  // counted here, an error in training
    s.tokenizer = &out.model->tokenizer;
  }
  const EncodeContext* context = encode ? &*encode : nullptr;
  s.data = o;
  s.limits = limits;
  s.epochs = config.train.num_train_epochs;
  s.max_steps = config.train.max_steps;
  if (config.train.token_batch == 0)
    s.samples_per_step = config.train.per_device_train_batch_size * config.train.gradient_accumulation_steps;
  DataOptions all = o;  // bad rows are counted here, whatever their number
  all.max_rejected = 1;
  all.strict = false;
  RowSet train = read_rows(training_specs(o), all);
  if (o.val_size > 0) s.validation = examine(hold_out(train, o.val_size), o, context);
  const std::vector<DatasetSpec> validation = validation_specs(o);
  if (!validation.empty()) s.validation = examine(read_rows(validation, all), o, context);
  s.train = examine(std::move(train), o, context);
  return out;
}

bool parse_data_options(const std::string& command, const std::string& usage, RunConfig& config,
                        std::vector<FieldRef> own, Args args) {
  std::vector<FieldRef> all = own, told = std::move(own);
  for (FieldRef& field : config.fields()) {
    if (is_told(field)) told.push_back(field);
    all.push_back(std::move(field));
  }
  ParseResult result = collect_options(all, {args.begin(), args.end()}, {.command = command});
  if (result.help) {
    fmt::print("usage: keel {} {}\n\n{}", command, usage, options_help(told));
    return false;
  }
  throw_problems(result.problems);
  return true;
}

void log_short_check(const DataOptions& options, const RowSet& train, const RowSet& validation) {
  Subject s{.data = options};
  s.train = examine(train, options, nullptr);
  s.validation = examine(validation, options, nullptr);
  for (const std::string& line : short_lines(diagnose(s, true))) warn_line(line);
}

void warn_open_turns(const Dataset& train) {
  TurnEnds ends;
  for (const Example& e : train.examples) {
    if (!e.segments.empty()) continue;  // packed plain text has no turns
    const TurnEnds own = count_turn_ends(e);
    ends.turns += own.turns;
    ends.ended += own.ended;
  }
  if (ends.ended < ends.turns)
    warn(
        "data: {} of {} trained turns do not train their end of turn; the model does not learn to stop there",
        format_count(ends.turns - ends.ended), format_count(ends.turns));
}

}  // namespace keel
