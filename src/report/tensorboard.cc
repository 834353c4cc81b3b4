#include "report/tensorboard.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>

#include "report/tfrecord.h"

namespace keel {
namespace {

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// TensorBoard orders a run's files by name, so the start time comes first, in ten digits.
fs::path new_name(const fs::path& folder) {
  const std::string stem =
      fmt::format("events.out.tfevents.{:010}.keel.{}", static_cast<int64_t>(wall_seconds()), ::getpid());
  for (int n = 0;; ++n) {
    const fs::path path = folder / fmt::format("{}.{}", stem, n);
    std::error_code ec;
    if (!fs::exists(path, ec)) return path;
  }
}

}  // namespace

EventFile::EventFile(const fs::path& folder) : file_(new_name(folder)) {
  file_.append(frame_record(encode_file_version(wall_seconds())));
}

void EventFile::forget_after(int64_t step) {
  file_.append(frame_record(encode_session_start({.wall_s = wall_seconds(), .step = step + 1})));
}

void EventFile::scalars(int64_t step, std::span<const Scalar> scalars) {
  if (scalars.empty()) return;
  file_.append(frame_record(encode_scalars({.wall_s = wall_seconds(), .step = step}, scalars)));
}

void EventFile::histogram(int64_t step, const std::string& tag, std::span<const float> values) {
  const Histogram h = make_histogram(values);
  if (h.count == 0) return;
  file_.append(frame_record(encode_histogram({.wall_s = wall_seconds(), .step = step}, tag, h)));
}

}  // namespace keel
