// One TensorBoard event file, written as the run goes: every call is one append of whole records, so a killed
// run leaves a readable file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "base/fs.h"
#include "report/event_proto.h"

namespace keel {

class EventFile {
 public:
  // Starts a new file in folder (made when missing) whose name no other file has; TensorBoard reads all of a
  // folder's files as one run, so a resumed run simply adds one.
  explicit EventFile(const std::filesystem::path& folder);

  // Tells TensorBoard to drop what earlier files of the folder hold of later steps: they are done again.
  void forget_after(int64_t step);

  void scalars(int64_t step, std::span<const Scalar> scalars);
  void histogram(int64_t step, const std::string& tag, std::span<const float> values);

 private:
  AppendFile file_;
};

}  // namespace keel
