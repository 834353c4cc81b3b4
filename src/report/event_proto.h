// The few protocol-buffer messages that TensorBoard needs (Event, Summary, HistogramProto of tensorflow's
// event.proto and summary.proto), encoded by hand so that nothing has to be linked for them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace keel {

struct EventTime {
  double wall_s = 0;  // seconds since 1970
  int64_t step = 0;
};

struct Scalar {
  std::string tag;
  float value = 0;
};

// Bucket i counts the values in (limits[i-1], limits[i]]; the first one reaches down to min.
struct Histogram {
  double min = 0, max = 0, count = 0, sum = 0, sum_squares = 0;
  std::vector<double> limits, counts;  // equally long
};

// Non-finite values are left out. Bucket limits are ±1e-12·1.1^k, the same for every call, so that histograms
// of different steps can be compared.
Histogram make_histogram(std::span<const float> values);

std::string encode_file_version(double wall_s);  // must be a file's first record
// A start of writing: readers drop events of earlier files from this step on.
std::string encode_session_start(const EventTime& at);
std::string encode_scalars(const EventTime& at, std::span<const Scalar> scalars);
std::string encode_histogram(const EventTime& at, const std::string& tag, const Histogram& histogram);

}  // namespace keel
