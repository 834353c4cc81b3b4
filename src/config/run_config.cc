#include "config/run_config.h"

#include <iterator>

#include "config/settings.h"
#include "config/validate.h"

namespace keel {
namespace {

template <class Options>
void append(std::vector<FieldRef>& out, Options& options) {
  std::vector<FieldRef> fields = collect_fields(options);
  out.insert(out.end(), std::make_move_iterator(fields.begin()), std::make_move_iterator(fields.end()));
}

}  // namespace

std::vector<FieldRef> RunConfig::fields() {
  std::vector<FieldRef> out;
  append(out, model);
  append(out, data);
  append(out, grid);
  append(out, loss);
  append(out, optim);
  append(out, protection);
  append(out, train);
  append(out, generate);
  return out;
}

LoadedRun load_run_config(const std::vector<std::string>& args, const ParseRules& rules) {
  LoadedRun run;
  run.parsed = collect_options(run.config.fields(), args, rules);
  if (run.parsed.help) return run;
  validate(run.config, run.parsed);
  throw_problems(run.parsed.problems);
  return run;
}

LoadedRun collect_run_config(std::span<const std::vector<Setting>> layers) {
  LoadedRun run;
  for (const std::vector<Setting>& layer : layers) {
    const ParseResult one = collect_settings(run.config.fields(), layer);
    for (const auto& [name, where] : one.set_by) run.parsed.set_by[name] = where;
    run.parsed.notes.insert(run.parsed.notes.end(), one.notes.begin(), one.notes.end());
    run.parsed.problems.insert(run.parsed.problems.end(), one.problems.begin(), one.problems.end());
  }
  validate(run.config, run.parsed);
  return run;
}

}  // namespace keel
