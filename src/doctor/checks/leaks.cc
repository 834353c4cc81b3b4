// Validation rows that also stand in the training set: the validation loss then measures memory.
#include <fmt/format.h>

#include <unordered_map>

#include "doctor/checks.h"
#include "doctor/leaks.h"
#include "doctor/wording.h"

namespace keel {

std::vector<Leak> find_leaks(const Side& train, const Side& validation, double threshold) {
  std::unordered_map<uint64_t, uint32_t> first;
  NearIndex index(train.sketches, threshold);
  for (uint32_t i = 0; i < train.hashes.size(); ++i) {
    if (first.emplace(train.hashes[i], i).second) index.add(i);
  }
  std::vector<Leak> leaks;
  for (uint32_t i = 0; i < validation.hashes.size(); ++i) {
    const auto same = first.find(validation.hashes[i]);
    if (same != first.end()) {
      leaks.push_back({.validation = i, .train = same->second, .jaccard = 1, .exact = true});
      continue;
    }
    const Match near = index.first_match(validation.sketches[i]);
    if (near.row != NearIndex::kNone)
      leaks.push_back({.validation = i, .train = near.row, .jaccard = near.jaccard});
  }
  return leaks;
}

void check_leaks(const Subject& subject, Findings& out) {
  const Side& validation = subject.validation;
  if (validation.hashes.empty()) return;
  const std::vector<Leak> leaks = find_leaks(subject.train, validation, subject.limits.near_threshold);
  for (const bool exact : {true, false}) {
    Finding f{.severity = exact ? Severity::error : Severity::warning,
              .code = exact ? "leak_exact" : "leak_near",
              .advice = subject.data.val_size > 0
                            ? "remove near duplicates first: keel data clean"
                            : "keel data clean with this eval_dataset takes them out of the "
                              "training rows"};
    for (const Leak& leak : leaks) {
      if (leak.exact != exact) continue;
      if (++f.count > 3) continue;
      f.places.push_back(fmt::format("{} {} {}", validation.rows.records[leak.validation].place,
                                     exact ? "=" : "≈", subject.train.rows.records[leak.train].place));
    }
    if (f.count == 0) continue;
    f.share = share_of(f.count, static_cast<int64_t>(validation.hashes.size()));
    f.text =
        fmt::format("{} ({}) {} in the training set{}.", counted(f.count, "validation row"), percent(f.share),
                    verb(f.count, "stands", "stand"), exact ? "" : " nearly word for word");
    out.push_back(std::move(f));
  }
}

}  // namespace keel
