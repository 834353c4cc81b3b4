#include "report/metric_writer.h"

#include <cmath>
#include <fstream>
#include <vector>

#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "report/tensorboard.h"

namespace keel {
namespace {

std::string name_of_non_finite(double value) {
  if (std::isnan(value)) return "NaN";
  return value > 0 ? "Infinity" : "-Infinity";
}

Json with_named_non_finites(Json value) {
  if (value.is_number_float() && !std::isfinite(value.get<double>()))
    return name_of_non_finite(value.get<double>());
  if (value.is_structured())
    for (Json& item : value) item = with_named_non_finites(std::move(item));
  return value;
}

void collect(const std::string& name, const Json& value, std::vector<Scalar>& out) {
  if (value.is_number()) {
    const double number = value.get<double>();
    if (std::abs(number) <= std::numeric_limits<float>::max())  // also false for NaN
      out.push_back({.tag = name, .value = static_cast<float>(number)});
  }
  if (value.is_object())
    for (const auto& item : value.items()) collect(name + "/" + item.key(), item.value(), out);
  if (value.is_array())
    for (size_t i = 0; i < value.size(); ++i) collect(name + "/" + std::to_string(i), value[i], out);
}

// A killed run may have left half a line; what follows must not become part of it.
bool ends_inside_a_line(const fs::path& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in || in.tellg() <= 0) return false;
  in.seekg(-1, std::ios::end);
  return in.get() != '\n';
}

// The file as it was at the mark, before it is opened for appending.
const fs::path& cut(const fs::path& path, const std::optional<MetricsMark>& mark) {
  std::error_code ec;
  const auto bytes = static_cast<int64_t>(fs::file_size(path, ec));
  if (!mark) return path;
  if (ec || bytes < mark->bytes)
    warn("{}: {} bytes, {} when the checkpoint was written; some rows before step {} are lost", path.string(),
         ec ? 0 : bytes, mark->bytes, mark->step + 1);
  else
    cut_file(path, mark->bytes);
  return path;
}

}  // namespace

struct MetricWriter::Files {
  Files(const fs::path& run_dir, const std::optional<MetricsMark>& mark)
      : path(run_dir / "metrics.jsonl"), jsonl(cut(path, mark)), events(run_dir / "tensorboard") {
    if (ends_inside_a_line(path)) jsonl.append("\n");
    if (mark) events.forget_after(mark->step);
  }

  fs::path path;
  AppendFile jsonl;
  EventFile events;
};

MetricWriter::MetricWriter(const fs::path& run_dir, const std::optional<MetricsMark>& mark)
    : files_(std::make_unique<Files>(run_dir, mark)) {}
MetricWriter::~MetricWriter() = default;
MetricWriter::MetricWriter(MetricWriter&&) noexcept = default;

void MetricWriter::write(const Json& row) {
  KEEL_CHECK(row.is_object() && row.contains("step") && row["step"].is_number_integer(),
             "a metric row needs the integer \"step\"");
  files_->jsonl.append(to_line(with_named_non_finites(row)) + "\n");
  std::vector<Scalar> scalars;
  for (const auto& item : row.items())
    if (item.key() != "step") collect(item.key(), item.value(), scalars);
  files_->events.scalars(row["step"].get<int64_t>(), scalars);
}

void MetricWriter::histogram(int64_t step, const std::string& name, std::span<const float> values) {
  files_->events.histogram(step, name, values);
}

int64_t MetricWriter::flush() const { return files_->jsonl.flush(); }

}  // namespace keel
