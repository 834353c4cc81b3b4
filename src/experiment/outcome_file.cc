#include "experiment/outcome_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/fs.h"

namespace keel {
namespace {

constexpr const char* kMeasures = "measures.json";
constexpr const char* kItems = "items.jsonl";

bool same_item(const ProbeResult& a, const ProbeResult& b) {
  return a.group == b.group && a.id == b.id && a.content == b.content && a.tokens == b.tokens;
}

}  // namespace

void write_outcome(const fs::path& run_dir, const RunOutcome& o) {
  make_folders(run_dir);
  if (!o.sick()) write_file(run_dir / kItems, items_text(o.results));
  const Json measures{{"arm", o.arm},
                      {"learning_rate", o.rate},
                      {"seed", o.seed},
                      {"ended", o.ended},
                      {"steps", o.steps},
                      {"supervised_tokens", o.tokens},
                      {"tokens_per_s", o.tokens_per_s},
                      {"seconds", o.seconds}};
  write_file(run_dir / kMeasures, measures.dump(2) + "\n");
}

std::optional<RunOutcome> read_outcome(const fs::path& run_dir) {
  if (!fs::exists(run_dir / kMeasures)) return std::nullopt;
  const Json measures = read_json(run_dir / kMeasures);
  RunOutcome out{.arm = measures.at("arm").get<std::string>(),
                 .rate = measures.at("learning_rate").get<double>(),
                 .seed = measures.at("seed").get<int64_t>(),
                 .ended = measures.at("ended").get<std::string>(),
                 .steps = measures.at("steps").get<int64_t>(),
                 .tokens = measures.at("supervised_tokens").get<int64_t>(),
                 .tokens_per_s = measures.at("tokens_per_s").get<double>(),
                 .seconds = measures.at("seconds").get<double>(),
                 .results = {}};
  if (fs::exists(run_dir / kItems)) out.results = read_items(run_dir / kItems);
  return out;
}

void check_same_items(std::span<const ProbeResult> base, const RunOutcome& run, const fs::path& run_dir) {
  if (run.sick() || std::ranges::equal(base, run.results, same_item)) return;
  throw UserError({.where = (run_dir / kItems).string(),
                   .found = "other items than those that the base model was measured by",
                   .wanted = "one evaluation for all runs: the held-out rows or the suite have changed",
                   .hint = "set them back, or begin again in another --output_dir"});
}

}  // namespace keel
