// keel eval: a suite of probes (eval_suite.h), or the mean NLL of a model on files with per-token signals on
// request.
#include <fmt/format.h>

#include <cmath>

#include "app/commands.h"
#include "app/eval_suite.h"
#include "app/model_args.h"
#include "app/options_parse.h"
#include "app/session.h"
#include "base/fs.h"
#include "base/names.h"
#include "eval/nll.h"

namespace keel {
namespace {

struct EvalOptions {
  ModelArgs model;
  std::string output_dir, stage = "sft";
  bool per_token = false;
  SuiteOptions suite;
  DataOptions data;

  template <class V>
  void fields(V& v) {
    model.fields(v);
    v.group("evaluation");
    v("output_dir", output_dir, "folder for results.json, and items.jsonl or per_token.jsonl");
    v("per_token", per_token,
      "write per_token.jsonl: ids, nll and entropy of each row, a token's values at the place of its "
      "prediction");
    v("stage", stage, "sft: replies count; cpt: every token counts", {.choices = {"sft", "cpt"}});
    suite.fields(v);
    data.fields(v);
  }
};

class PerTokenFile {
 public:
  explicit PerTokenFile(const fs::path& path) : file_(path) {}
  void write(const RowSignals& row) {
    file_.write(to_line({{"place", row.example->place},
                         {"ids", row.example->ids},
                         {"nll", row.nll},
                         {"entropy", row.entropy}}) +
                "\n");
  }
  void commit() { file_.commit(); }

 private:
  PartFile file_;
};

void check(const EvalOptions& o) {
  std::vector<ErrorText> problems;
  if (o.model.model_name_or_path.empty())
    problems.push_back({.where = "model_name_or_path", .found = "not given", .wanted = "a model folder"});
  const bool suite = !o.suite.suite.empty();
  if (o.data.dataset.empty() && !suite)
    problems.push_back(
        {.where = "dataset", .found = "not given", .wanted = "one or more files, or --suite (general)"});
  if (!o.data.dataset.empty() && suite)
    problems.push_back({.where = "suite",
                        .found = "given together with dataset",
                        .wanted = "one of the two",
                        .hint = "a file becomes part of a suite as a group of type nll"});
  if (!suite && (!o.suite.against.empty() || o.suite.split != "all"))
    problems.push_back({.where = o.suite.against.empty() ? "split" : "against",
                        .found = "given without a suite",
                        .wanted = "--suite FILE"});
  if (suite && o.per_token)
    problems.push_back({.where = "per_token", .found = "given with a suite", .wanted = "--dataset FILE"});
  if (o.per_token && o.output_dir.empty())
    problems.push_back(
        {.where = "output_dir", .found = "not given", .wanted = "a folder for per_token.jsonl"});
  throw_problems(problems);
}

}  // namespace

int run_eval(Args args) {
  EvalOptions o;
  const auto parsed =
      parse_command("eval", "--model_name_or_path DIR (--suite FILE | --dataset FILE)", o, args);
  if (!parsed) return 0;
  check(o);
  RunConfig config;
  config.model = o.model.options();
  config.data = o.data;
  config.train.stage = o.stage;
  config.train.threads = o.model.threads;
  if (!o.suite.suite.empty()) return run_suite(o.suite, config, o.output_dir);
  ChatModel model = load_model(config, false);
  if (!o.output_dir.empty()) make_folders(o.output_dir);
  const std::vector<Example> set = load_set(o.data.dataset, o.data, parse_stage(o.stage), model);
  std::optional<PerTokenFile> per_token;
  if (o.per_token) per_token.emplace(fs::path(o.output_dir) / "per_token.jsonl");
  NllOptions options;
  if (per_token) options.on_row = [&](const RowSignals& row) { per_token->write(row); };
  const NllSum sum = nll_over(*model.lm, set, options);
  if (per_token) per_token->commit();
  const Json result{
      {"dataset", join(o.data.dataset)},    {"nll", sum.mean()},    {"perplexity", std::exp(sum.mean())},
      {"entropy", sum.mean_entropy()},      {"tokens", sum.tokens}, {"rows", sum.rows},
      {"model", o.model.model_name_or_path}};
  if (!o.output_dir.empty()) write_file(fs::path(o.output_dir) / "results.json", result.dump(2) + "\n");
  fmt::print("{}\n", to_line(result));
  return 0;
}

}  // namespace keel
