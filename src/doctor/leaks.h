// Rows on both sides.
#pragma once

#include <vector>

#include "doctor/subject.h"

namespace keel {

struct Leak {
  uint32_t validation = 0, train = 0;  // rows of the two sides
  double jaccard = 0;
  bool exact = false;
};

// At most one for each validation row: an equal training row, else the first that is near to it.
std::vector<Leak> find_leaks(const Side& train, const Side& validation, double threshold);

}  // namespace keel
