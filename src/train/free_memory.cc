#include "train/free_memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

namespace keel {
namespace {

constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

// The number behind a key, or the first of the file; -1: there is none.
int64_t number_in(const std::string& file, const std::string& key = "") {
  std::ifstream in(file);
  int64_t value = -1;
  for (std::string word; !key.empty() && in >> word && word != key;) continue;
  return in >> value ? value : -1;
}

int64_t machine_bytes() {
  const int64_t kilobytes = number_in("/proc/meminfo", "MemAvailable:");
  return kilobytes < 0 ? kNoLimit : kilobytes * 1024;
}

// What the group of processes in a container may still take; pages of files are given up for it.
int64_t group_bytes() {
  const std::string dir = "/sys/fs/cgroup/memory.";
  const int64_t most = number_in(dir + "max"), held = number_in(dir + "current");
  if (most < 0 || held < 0) return kNoLimit;
  return most - held + std::max<int64_t>(0, number_in(dir + "stat", "inactive_file"));
}

}  // namespace

int64_t free_memory() { return std::min(machine_bytes(), group_bytes()); }

}  // namespace keel
