#include "train/quarantine.h"

#include <algorithm>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"

namespace keel {
namespace {

// Examples beside those of the step that are asked when all of these are sick.
constexpr uint32_t kControls = 3;

}  // namespace

Quarantine::Quarantine(const ExampleSet& examples, fs::path file, std::vector<SickRow> rows)
    : examples_(examples), file_(std::move(file)), rows_(std::move(rows)) {
  for (const SickRow& r : rows_) sick_.insert(r.example);
  if (!file_.empty() && fs::exists(file_)) write();
}

std::vector<uint32_t> Quarantine::healthy(const std::vector<uint32_t>& members) const {
  std::vector<uint32_t> out;
  std::ranges::copy_if(members, std::back_inserter(out), [&](uint32_t m) { return !sick_.contains(m); });
  return out;
}

bool Quarantine::search(int64_t step, const std::vector<std::vector<uint32_t>>& parts, const Fault& fault) {
  std::vector<SickRow> found;
  size_t asked = 0;
  for (const auto& part : parts) {
    asked += part.size();
    const std::string together = fault(part);
    if (together.empty()) continue;
    for (const uint32_t m : part) {
      const std::string alone = part.size() == 1 ? together : fault({m});
      if (!alone.empty()) found.push_back({.step = step, .example = m, .found = alone});
    }
  }
  if (found.empty() || (found.size() == asked && others_are_sick(parts, fault))) return false;
  for (const SickRow& r : found) {
    if (!sick_.insert(r.example).second) continue;  // a mixture may bring a row twice
    warn("step {}: {} alone has {}; the row is left out from here on", step, examples_[r.example].place,
         r.found);
    rows_.push_back(r);
  }
  write();
  return true;
}

bool Quarantine::others_are_sick(const std::vector<std::vector<uint32_t>>& parts, const Fault& fault) const {
  std::set<uint32_t> known = sick_;
  for (const auto& part : parts) known.insert(part.begin(), part.end());
  uint32_t asked = 0;
  for (uint32_t m = 0; m < examples_.size() && asked < kControls; ++m) {
    if (known.contains(m)) continue;
    if (fault({m}).empty()) return false;
    ++asked;
  }
  return true;  // also when there are no others: then nobody can tell
}

void Quarantine::write() const {
  if (file_.empty()) return;
  if (rows_.empty()) {
    remove_tree(file_);
    return;
  }
  std::string lines;
  for (const SickRow& r : rows_) {
    lines += to_line({{"step", r.step}, {"place", examples_[r.example].place}, {"found", r.found}}) + "\n";
  }
  write_file(file_, lines);
}

}  // namespace keel
