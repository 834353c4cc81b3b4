#include "app/eval_suite.h"

#include <fmt/format.h>

#include <set>

#include "app/commands.h"
#include "app/eval_table.h"
#include "app/session.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "checkpoint/hub_cache.h"
#include "config/yaml_file.h"
#include "eval/results_json.h"
#include "model/device.h"

namespace keel {
namespace {

// A step of generation reads the weights once for all of them.
constexpr int64_t kAnsweredTogether = 128;

bool is_yaml(const fs::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".yaml" || extension == ".yml" || extension == ".json";
}

fs::path find_suite(const std::string& name) {
  if (fs::is_regular_file(name)) return name;
  if (const auto bundled = bundled_suite(name)) return *bundled;
  throw UserError({.where = "suite",
                   .found = fmt::format("no file {} and no bundled suite of that name", name),
                   .wanted = "a YAML file, a JSONL file of probes, or general",
                   .hint = "run it from the checkout, or give the path of the file"});
}

std::map<std::string, int64_t> items_by_dimension(const Suite& suite) {
  std::map<std::string, std::set<std::string>> rows;
  for (const ProbeGroup& group : suite.groups)
    for (const Probe& p : group.probes) rows[p.dimension].insert(group.name + "/" + p.row_id());
  std::map<std::string, int64_t> counts;
  for (const auto& [dimension, ids] : rows) counts[dimension] = static_cast<int64_t>(ids.size());
  return counts;
}

ProbeRunOptions run_options(const ProbeGroup& group, const std::string& name) {
  return {.generate = {.max_new_tokens = group.max_new_tokens, .generate_batch = kAnsweredTogether},
          .system = group.system,
          .on_progress =
              [name](size_t done, size_t all) {
                progress_line(fmt::format("{}: {}/{}", name, done, all), done == all);
              },
          .choice_score = group.score};
}

struct Evaluated {
  std::vector<ProbeResult> results;
  std::string device;
  double seconds = 0;
};

Evaluated evaluate(const Suite& suite, const RunConfig& config) {
  ChatModel model = load_model(config, false);
  const std::string name = fs::path(config.model.model_name_or_path).filename().string();
  const Stopwatch clock;
  Evaluated out{.results = ask_suite(suite, model, name), .device = device_name(model.lm->device())};
  out.seconds = clock.seconds();
  info("{}: {} items in {}", name, out.results.size(), format_duration(out.seconds));
  return out;
}

void keep_items(std::span<const ProbeResult> results, const fs::path& folder) {
  if (folder.empty()) return;
  make_folders(folder);
  write_file(folder / "items.jsonl", items_text(results));
}

// Of a folder that an earlier keel eval wrote. Nothing when `against` is none: then it must be a model, which
// is looked for before the long work begins.
std::optional<std::vector<ProbeResult>> earlier_results(const std::string& against) {
  if (against.empty()) return std::nullopt;
  const fs::path items = fs::path(against) / "items.jsonl";
  if (fs::is_regular_file(items)) return read_items(items);
  if (fs::is_regular_file(resolve_folder(against, "against", "config.json") / "config.json"))
    return std::nullopt;
  throw UserError({.where = "against",
                   .found = fmt::format("{} holds neither a model nor items.jsonl", against),
                   .wanted = "a model folder, or the output_dir of an earlier keel eval --suite"});
}

// Of another model, which is evaluated now. Its items are kept beside ours.
std::vector<ProbeResult> model_results(const std::string& model, const Suite& suite, RunConfig config,
                                       const fs::path& output_dir) {
  config.model.model_name_or_path = model;
  config.model.adapter_name_or_path.clear();
  Evaluated other = evaluate(suite, config);
  keep_items(other.results, output_dir.empty() ? fs::path() : output_dir / "against");
  return std::move(other.results);
}

Json config_json(const SuiteOptions& options, const RunConfig& config, const std::string& device) {
  std::string args = "pretrained=" + config.model.model_name_or_path;
  if (!config.model.adapter_name_or_path.empty()) args += ",peft=" + config.model.adapter_name_or_path;
  Json out{{"model", "keel"},
           {"model_args", args},
           {"batch_size", kAnsweredTogether},
           {"device", device},
           {"bootstrap_iters", BootstrapOptions().resamples},
           {"suite", options.suite},
           {"split", options.split}};
  if (!options.against.empty()) out["against"] = options.against;
  out["keel"] = version_facts();
  return out;
}

int report_gates(const GateResult& gates) {
  for (const auto& [gate, why] : gates.unchecked)
    warn("{}: gate {} of {} is not checked: {}", gate.where, gate.name, gate.dimension, why);
  for (const Crossing& c : gates.crossed)
    log_line(fmt::format("gate crossed: {} {}: {:.4f}, limit {}  ({})", c.gate.dimension, c.gate.name,
                         c.value, c.gate.limit, c.gate.where));
  return gates.crossed.empty() ? 0 : kRedLineCode;
}

}  // namespace

std::optional<std::filesystem::path> bundled_suite(const std::string& name) {
  std::error_code none;
  const fs::path program = fs::read_symlink("/proc/self/exe", none).parent_path();
  for (const fs::path& root : {fs::path("."), program / "..", program}) {
    const fs::path file = root / "examples" / name / "suite.yaml";
    if (fs::is_regular_file(file)) return file.lexically_normal();
  }
  return std::nullopt;
}

Suite load_suite(const std::string& name) {
  const fs::path file = find_suite(name);
  std::vector<ErrorText> problems;
  Suite suite;
  if (is_yaml(file)) {
    const YamlFile yaml = read_yaml_file(file.string());
    const auto place = [&](const std::string& pointer) {
      const auto line = yaml.lines.find(pointer);
      return line == yaml.lines.end() ? file.string() : fmt::format("{}:{}", file.string(), line->second);
    };
    suite = read_suite(yaml.value, place, file.parent_path(), problems);
  } else {
    suite = suite_of_probes(file, problems);
  }
  throw_suite_problems(problems);
  return suite;
}

std::vector<ProbeResult> ask_suite(const Suite& suite, ChatModel& model, const std::string& name) {
  std::vector<ErrorText> problems;
  std::vector<PreparedProbes> prepared;
  for (const ProbeGroup& group : suite.groups)
    prepared.push_back(prepare_probes(model, group.probes, run_options(group, name), problems));
  throw_suite_problems(problems);
  std::vector<ProbeResult> results = run_prepared(model, prepared);
  auto result = results.begin();
  for (const ProbeGroup& group : suite.groups)
    for (size_t i = 0; i < group.probes.size(); ++i) (result++)->group = group.name;
  return results;
}

int run_suite(const SuiteOptions& options, const RunConfig& config, const std::string& output_dir) {
  Suite suite = load_suite(options.suite);
  const auto all_items = items_by_dimension(suite);
  keep_split(suite, options.split);
  std::optional<std::vector<ProbeResult>> other = earlier_results(options.against);
  const Evaluated own = evaluate(suite, config);
  const std::vector<Score> scores = scores_of(own.results, suite);
  keep_items(own.results, output_dir);
  std::optional<Comparison> comparison;
  if (!options.against.empty()) {
    if (!other) other = model_results(options.against, suite, config, output_dir);
    comparison = compare(*other, own.results, suite);
  }
  const GateResult gates = check_gates(suite, scores, comparison ? &*comparison : nullptr);
  if (!output_dir.empty())
    write_file(fs::path(output_dir) / "results.json",
               results_json({.suite = suite,
                             .scores = scores,
                             .all_items = all_items,
                             .config = config_json(options, config, own.device),
                             .seconds = own.seconds,
                             .comparison = comparison ? &*comparison : nullptr,
                             .gates = suite.gates.empty() ? nullptr : &gates})
                       .dump(2) +
                   "\n");
  fmt::print("{}", comparison ? comparison_table(*comparison) : score_table(scores, suite));
  return report_gates(gates);
}

}  // namespace keel
