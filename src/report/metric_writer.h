// Where a run's numbers go: metrics.jsonl (one object a line, flushed) and TensorBoard event files in the run
// folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "base/json.h"

namespace keel {

class MetricWriter {
 public:
  // Creates run_dir/metrics.jsonl (appends when it exists) and run_dir/tensorboard/events.out.tfevents.….
  explicit MetricWriter(const std::filesystem::path& run_dir);
  ~MetricWriter();
  MetricWriter(MetricWriter&&) noexcept;

  // row must hold the integer "step". Every finite number in it (nested objects as "outer/inner", arrays as
  // "name/0", …) also becomes a TensorBoard scalar at that step. NaN and infinities are written as strings in
  // the JSONL.
  void write(const Json& row);

  void histogram(int64_t step, const std::string& name, std::span<const float> values);

 private:
  struct Files;
  std::unique_ptr<Files> files_;
};

}  // namespace keel
