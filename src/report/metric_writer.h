// Where a run's numbers go: metrics.jsonl (one object a line, flushed) and TensorBoard event files in the run
// folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/json.h"

namespace keel {

// Where a resumed run takes up its files: what they hold beyond this was written by steps that are done
// again.
struct MetricsMark {
  int64_t step = 0;   // the last step that counts
  int64_t bytes = 0;  // of metrics.jsonl then
};

class MetricWriter {
 public:
  // Creates run_dir/metrics.jsonl (appends when it exists) and run_dir/tensorboard/events.out.tfevents.….
  // With a mark, metrics.jsonl is cut there first and TensorBoard is told to forget later steps. A file that
  // is shorter than the mark (the machine went down) is warned about.
  explicit MetricWriter(const std::filesystem::path& run_dir, const std::optional<MetricsMark>& mark = {});
  ~MetricWriter();
  MetricWriter(MetricWriter&&) noexcept;

  // row must hold the integer "step". Every finite number in it (nested objects as "outer/inner", arrays as
  // "name/0", …) also becomes a TensorBoard scalar at that step. NaN and infinities are written as strings in
  // the JSONL.
  void write(const Json& row);

  void histogram(int64_t step, const std::string& name, std::span<const float> values);

  int64_t flush() const;  // metrics.jsonl to the disk; its bytes now

 private:
  struct Files;
  std::unique_ptr<Files> files_;
};

}  // namespace keel
