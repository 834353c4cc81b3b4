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

// One measure of one dimension, item by item.
//   acc      share of right answers
//   nll      nats a token
//   stops    share of answers that ended by themselves, and
//   rep4     their mean repetition: of `generate` probes, and of all generated answers (dimension "total")
//   drop     accuracy of the plain form of robust questions minus that of this one
//   recover  wrong replies of a dialogue before the first right one, once the talk has turned
// Parts of one row (a dialogue's turns, a question's rewordings) are one item, as they are right or wrong
// together more often than not.
struct ItemValue {
  std::string item;  // group/id of the row
  double value = 0;  // a mean is Σ value / Σ size
  double size = 1;
};

struct Series {
  std::string dimension, measure;
  std::vector<ItemValue> points;
};

// In the order in which the dimensions come; the total's last.
std::vector<Series> series_of(std::span<const ProbeResult> results);

struct Score {
  std::string dimension, measure;
  int64_t items = 0;
  double value = 0, error = 0;  // standard error; 0 for a single item
};

bool is_share(const std::string& measure);  // acc or stops: of items, and more is better

// The series' scores, then the accuracy of the total: the mean over the dimensions with a weight above 0.
std::vector<Score> scores_of(std::span<const ProbeResult> results, const Suite& suite);

// items.jsonl: one object an item.
Json item_json(const ProbeResult& result);
std::string items_text(std::span<const ProbeResult> results);
std::vector<ProbeResult> read_items(const std::filesystem::path& file);

}  // namespace keel
