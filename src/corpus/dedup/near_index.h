// Texts that are nearly the same: candidates by MinHash and locality-sensitive hashing, each then decided by
// the true Jaccard similarity of the shingle sets. So what is found is right, and what is there is missed
// with a probability of at most 1e-4 (banding_for). Results depend on the texts and their order alone.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "corpus/dedup/minhash.h"

namespace keel {

inline constexpr double kNearThreshold = 0.85;

struct Sketch {
  std::vector<uint64_t> shingles;  // ascending
  Signature signature{};
};

// threads 0: one a core. The result does not depend on it.
std::vector<Sketch> sketch_texts(std::span<const std::string> texts, size_t threads = 0);

struct Match {
  uint32_t row = 0;  // of the index
  double jaccard = 0;
};

class NearIndex {
 public:
  // The sketches that may be added; they must outlive the index. threshold in (0, 1].
  NearIndex(std::span<const Sketch> sketches, double threshold);

  void add(uint32_t row);
  // Added rows whose similarity to the sketch is at least the threshold, ascending. A sketch without shingles
  // has none.
  std::vector<Match> matches(const Sketch& sketch) const;
  // Of these the one with the least row; none: row == kNone.
  Match first_match(const Sketch& sketch) const;

  static constexpr uint32_t kNone = ~0U;

 private:
  std::vector<uint32_t> candidates(const Sketch& sketch) const;
  uint64_t band_key(const Signature& signature, size_t band) const;

  std::span<const Sketch> sketches_;
  double threshold_;
  Banding banding_;
  // A hash table of chains: entry (row × bands + band) stands in the chain of its band key.
  uint64_t slots_mask_ = 0;
  std::vector<uint32_t> head_, next_, tag_;
};

struct NearPair {
  uint32_t first = 0, second = 0;  // first < second
  double jaccard = 0;
};

// Every pair at or above the threshold, by (second, first). Quadratic in the size of groups of like texts.
std::vector<NearPair> near_pairs(std::span<const Sketch> sketches, double threshold = kNearThreshold);

struct Duplicate {
  uint32_t row = 0;
  uint32_t of = 0;     // an earlier row
  double jaccard = 0;  // 1 when exact
  bool exact = false;  // equal content hashes
};

// Rows to leave out so that the first of like rows is kept: a row with the content hash of an earlier row, or
// with a text near to that of an earlier row which is kept. Ascending. hashes: one a sketch.
std::vector<Duplicate> find_duplicates(std::span<const Sketch> sketches, std::span<const uint64_t> hashes,
                                       double threshold = kNearThreshold);

}  // namespace keel
