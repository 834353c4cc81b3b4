#include "eval/scores.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include "base/fs.h"
#include "base/hash.h"

namespace keel {
namespace {

class Collector {
 public:
  void add(const std::string& dimension, const char* measure, ItemValue point) {
    const auto found = std::ranges::find_if(
        series_, [&](const Series& s) { return s.dimension == dimension && s.measure == measure; });
    Series& series = found == series_.end() ? series_.emplace_back(Series{dimension, measure, {}}) : *found;
    if (series.points.empty() || series.points.back().item != point.item)
      return series.points.push_back(std::move(point));
    series.points.back().value += point.value;
    series.points.back().size += point.size;
  }

  std::vector<Series> take() {
    std::ranges::stable_partition(series_, [](const Series& s) { return s.dimension != "total"; });
    return std::move(series_);
  }

 private:
  std::vector<Series> series_;
};

// Of a ratio of sums, to first order (for items of size 1: the sample deviation over √n).
Score score_of(const Series& series) {
  double value = 0, size = 0, squares = 0;
  for (const ItemValue& p : series.points) value += p.value, size += p.size;
  const double mean = value / size, n = static_cast<double>(series.points.size());
  for (const ItemValue& p : series.points) squares += std::pow(p.value - mean * p.size, 2);
  const double error = n < 2 ? 0 : std::sqrt(squares * n / (n - 1)) / size;
  return {series.dimension, series.measure, static_cast<int64_t>(n), mean, error};
}

// What is measured between the parts of one row.
class AcrossParts {
 public:
  explicit AcrossParts(Collector& out) : out_(out) {}

  void add(const ProbeResult& r, const std::string& item) {
    const double right = r.right ? 1 : 0;
    if (r.variant == "plain") {
      plain_[item] = right;
    } else if (const auto plain = plain_.find(item); plain != plain_.end()) {
      out_.add(r.dimension, "drop", {item, plain->second - right});
    }
    if (r.variant != "switch") return;
    const auto [back, first] = recovered_.emplace(item, false);
    back->second = back->second || r.right;
    out_.add(r.dimension, "recover", {item, back->second ? 0.0 : 1.0, first ? 1.0 : 0.0});
  }

 private:
  Collector& out_;
  std::map<std::string, double> plain_;
  std::map<std::string, bool> recovered_;
};

// JSON has no NaN: what a diverged model gave stands as null.
double number_of(const Json& value) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

ProbeResult result_of(const Json& row) {
  ProbeResult r{.id = row.at("id").get<std::string>(),
                .dimension = row.at("dimension").get<std::string>(),
                .answer = row.value("answer", ""),
                .right = row.value("right", false),
                .stopped = row.value("stopped", true),
                .rep4 = row.value("rep4", 0.0),
                .type = row.at("type").get<std::string>(),
                .nll = number_of(row.value("nll", Json(0.0))),
                .tokens = row.value("tokens", int64_t{0}),
                .group = row.at("group").get<std::string>(),
                .content = std::stoull(row.at("content").get<std::string>(), nullptr, 16),
                .part_of = row.value("part_of", ""),
                .variant = row.value("variant", "")};
  for (const Json& score : row.value("choice_scores", Json::array()))
    r.choice_scores.push_back(number_of(score));
  return r;
}

}  // namespace

bool is_share(const std::string& measure) { return measure == "acc" || measure == "stops"; }

std::vector<Series> series_of(std::span<const ProbeResult> results) {
  Collector out;
  AcrossParts across(out);
  for (const ProbeResult& r : results) {
    const std::string item = r.group + "/" + r.row_id();
    if (r.checked()) out.add(r.dimension, "acc", {item, r.right ? 1.0 : 0.0});
    across.add(r, item);
    if (r.type == "nll") out.add(r.dimension, "nll", {item, r.nll, static_cast<double>(r.tokens)});
    if (!r.generated()) continue;
    if (r.type == "generate") out.add(r.dimension, "stops", {item, r.stopped ? 1.0 : 0.0});
    if (r.type == "generate") out.add(r.dimension, "rep4", {item, r.rep4});
    out.add("total", "stops", {item, r.stopped ? 1.0 : 0.0});
    out.add("total", "rep4", {item, r.rep4});
  }
  return out.take();
}

std::vector<Score> scores_of(std::span<const ProbeResult> results, const Suite& suite) {
  std::vector<Score> scores;
  Score total{"total", "acc"};
  double weights = 0;
  for (const Series& series : series_of(results)) {
    scores.push_back(score_of(series));
    if (series.measure != "acc") continue;
    const double weight = suite.weight(series.dimension);
    if (weight == 0) continue;
    weights += weight;
    total.items += scores.back().items;
    total.value += weight * scores.back().value;
    total.error += std::pow(weight * scores.back().error, 2);
  }
  if (weights == 0) return scores;
  total.value /= weights;
  total.error = std::sqrt(total.error) / weights;
  scores.push_back(total);
  return scores;
}

Json item_json(const ProbeResult& r) {
  Json out{{"id", r.id}, {"group", r.group}, {"dimension", r.dimension}, {"type", r.type}};
  if (r.type != "nll") out["answer"] = r.answer;
  if (r.checked()) out["right"] = r.right;
  if (r.tokens > 0) out["nll"] = r.nll, out["tokens"] = r.tokens;
  if (!r.choice_scores.empty()) out["choice_scores"] = r.choice_scores;
  if (r.generated()) out["stopped"] = r.stopped, out["rep4"] = r.rep4;
  if (!r.part_of.empty()) out["part_of"] = r.part_of, out["variant"] = r.variant;
  out["content"] = to_hex(r.content);
  return out;
}

std::string items_text(std::span<const ProbeResult> results) {
  std::string text;
  for (const ProbeResult& r : results) text += to_line(item_json(r)) + "\n";
  return text;
}

std::vector<ProbeResult> read_items(const std::filesystem::path& file) {
  std::istringstream in(read_text(file));
  std::vector<ProbeResult> results;
  size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    const std::string where = fmt::format("{}:{}", file.string(), ++number);
    const Json row = parse_json(line, where);
    try {
      results.push_back(result_of(row));
    } catch (const std::exception& e) {
      throw UserError({.where = where,
                       .found = fmt::format("not a line of keel eval ({})", e.what()),
                       .wanted = "items.jsonl as keel eval --suite writes it"});
    }
  }
  return results;
}

}  // namespace keel
