// From items to numbers: one measure of one dimension at a time, and the weighted total.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "eval/suite.h"

namespace keel {

// One measure of one dimension, item by item. acc: share of right answers; nll: nats a token; of the
// dimensions of `generate` probes, and of all generated answers together (dimension "total"): stops, the
// share that ended by itself, and rep4, the mean repetition.
struct Point {
  std::string item;  // group/id
  double value = 0;  // a mean is Σ value / Σ size
  double size = 1;
};

struct Series {
  std::string dimension, measure;
  std::vector<Point> points;
};

// In the order in which the dimensions come; the total's last.
std::vector<Series> series_of(std::span<const ProbeResult> results);

struct Score {
  std::string dimension, measure;
  int64_t items = 0;
  double value = 0, error = 0;  // standard error; 0 for a single item
};

// The series' scores, then the accuracy of the total: the mean over the dimensions, by their weights.
std::vector<Score> scores_of(std::span<const ProbeResult> results, const Suite& suite);

// items.jsonl: one object an item.
Json item_json(const ProbeResult& result);
std::string items_text(std::span<const ProbeResult> results);
std::vector<ProbeResult> read_items(const std::filesystem::path& file);

}  // namespace keel
