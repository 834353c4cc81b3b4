#include "corpus/dedup/near_index.h"

#include <algorithm>
#include <bit>
#include <unordered_map>

#include "base/error.h"
#include "base/hash.h"
#include "base/parallel.h"
#include "corpus/dedup/shingles.h"

namespace keel {

std::vector<Sketch> sketch_texts(std::span<const std::string> texts, size_t threads) {
  std::vector<Sketch> sketches(texts.size());
  for_each_row(texts.size(), threads, [&](size_t i) {
    sketches[i].shingles = shingle_set(texts[i]);
    sketches[i].signature = minhash(sketches[i].shingles);
  });
  return sketches;
}

NearIndex::NearIndex(std::span<const Sketch> sketches, double threshold)
    : sketches_(sketches), threshold_(threshold), banding_(banding_for(threshold)) {
  KEEL_CHECK(threshold > 0 && threshold <= 1, "a similarity lies between 0 and 1");
  const size_t entries = sketches.size() * banding_.bands;
  KEEL_CHECK(entries < kNone, "too many rows for one index");
  slots_mask_ = std::bit_ceil(std::max<size_t>(16, entries * 2)) - 1;
  head_.assign(slots_mask_ + 1, kNone);
  next_.resize(entries);
  tag_.resize(entries);
}

uint64_t NearIndex::band_key(const Signature& signature, size_t band) const {
  const std::span part = std::span(signature).subspan(band * banding_.rows, banding_.rows);
  return hash64(std::as_bytes(part)) + band * 0x9E3779B97F4A7C15ULL;
}

void NearIndex::add(uint32_t row) {
  if (sketches_[row].shingles.empty()) return;
  for (size_t band = 0; band < banding_.bands; ++band) {
    const uint64_t key = band_key(sketches_[row].signature, band);
    const auto entry = static_cast<uint32_t>(row * banding_.bands + band);
    uint32_t& head = head_[key & slots_mask_];
    next_[entry] = head;
    tag_[entry] = static_cast<uint32_t>(key >> 32);
    head = entry;
  }
}

std::vector<uint32_t> NearIndex::candidates(const Sketch& sketch) const {
  std::vector<uint32_t> rows;
  if (sketch.shingles.empty()) return rows;
  for (size_t band = 0; band < banding_.bands; ++band) {
    const uint64_t key = band_key(sketch.signature, band);
    for (uint32_t e = head_[key & slots_mask_]; e != kNone; e = next_[e]) {
      if (tag_[e] == static_cast<uint32_t>(key >> 32))
        rows.push_back(static_cast<uint32_t>(e / banding_.bands));
    }
  }
  std::ranges::sort(rows);
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  // Sets of very different sizes cannot be near: |a ∩ b| / |a ∪ b| <= |smaller| / |larger|.
  const auto size = static_cast<double>(sketch.shingles.size());
  std::erase_if(rows, [&](uint32_t row) {
    const auto other = static_cast<double>(sketches_[row].shingles.size());
    return std::min(size, other) < threshold_ * std::max(size, other);
  });
  return rows;
}

std::vector<Match> NearIndex::matches(const Sketch& sketch) const {
  std::vector<Match> found;
  for (const uint32_t row : candidates(sketch)) {
    const double similarity = jaccard(sketch.shingles, sketches_[row].shingles);
    if (similarity >= threshold_) found.push_back({row, similarity});
  }
  return found;
}

Match NearIndex::first_match(const Sketch& sketch) const {
  for (const uint32_t row : candidates(sketch)) {
    const double similarity = jaccard(sketch.shingles, sketches_[row].shingles);
    if (similarity >= threshold_) return {row, similarity};
  }
  return {.row = kNone};
}

std::vector<NearPair> near_pairs(std::span<const Sketch> sketches, double threshold) {
  NearIndex index(sketches, threshold);
  std::vector<NearPair> pairs;
  for (uint32_t row = 0; row < sketches.size(); ++row) {
    for (const Match& m : index.matches(sketches[row])) pairs.push_back({m.row, row, m.jaccard});
    index.add(row);
  }
  return pairs;
}

std::vector<Duplicate> find_duplicates(std::span<const Sketch> sketches, std::span<const uint64_t> hashes,
                                       double threshold) {
  KEEL_CHECK(sketches.size() == hashes.size(), "one content hash a row");
  NearIndex index(sketches, threshold);
  std::unordered_map<uint64_t, uint32_t> seen;
  std::vector<Duplicate> found;
  for (uint32_t row = 0; row < sketches.size(); ++row) {
    const auto [first, fresh] = seen.emplace(hashes[row], row);
    if (!fresh) {
      found.push_back({row, first->second, 1.0, true});
      continue;
    }
    const Match near = index.first_match(sketches[row]);
    if (near.row != NearIndex::kNone)
      found.push_back({row, near.row, near.jaccard, false});
    else
      index.add(row);
  }
  return found;
}

}  // namespace keel
