// Which rows are held out: decided by a row's content alone, so neither the order of rows nor a seed changes
// it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "corpus/record.h"

namespace keel {

uint64_t content_hash(const Record& record);  // of what is said; not of the place or the weight

// Whether each row is held out, by its content_hash. val_size: rows (>= 1) or a share (< 1, rounded, at least
// one row); those with the least content hash. Equal rows go to the same side, so there may be a few more.
// UserError when no row would be left to train.
std::vector<bool> held_out(std::span<const uint64_t> hashes, double val_size);

}  // namespace keel
