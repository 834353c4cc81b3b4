// Rows that make a step's loss or gradient non-finite are found, named and left out. The order of the data
// stays as it is, so the list of these rows is all that a resumed run needs.
#pragma once

#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "data/example_set.h"
#include "train/run_memory.h"

namespace keel {

class Quarantine {
 public:
  // What is wrong with a step of these examples alone; empty: nothing (Step::fault_of).
  using Fault = std::function<std::string(const std::vector<uint32_t>&)>;

  // file: quarantine.jsonl, one {"step", "place", "found"} a row, written anew whenever a row comes in and,
  // when it is there, at the start (a killed run may have written rows that its checkpoint does not know);
  // an empty path: nowhere.
  Quarantine(const ExampleSet& examples, std::filesystem::path file, std::vector<SickRow> rows);

  const std::vector<SickRow>& rows() const { return rows_; }
  std::vector<uint32_t> healthy(const std::vector<uint32_t>& members) const;

  // parts: the members of a step that was not finite, as they were packed. Those that are sick alone are
  // warned about by name and put in. Puts nothing in when no member is, or when all are and a few others of
  // the training set too: then it is not the rows. Returns whether a row was put in.
  bool search(int64_t step, const std::vector<std::vector<uint32_t>>& parts, const Fault& fault);

 private:
  bool others_are_sick(const std::vector<std::vector<uint32_t>>& parts, const Fault& fault) const;
  void write() const;

  const ExampleSet& examples_;
  std::filesystem::path file_;
  std::vector<SickRow> rows_;
  std::set<uint32_t> sick_;
};

}  // namespace keel
