// Rows that say what an earlier row says.
#include <fmt/format.h>

#include <algorithm>

#include "doctor/checks.h"
#include "doctor/wording.h"

namespace keel {
namespace {

std::vector<std::string> pairs_of(const RowSet& rows, const std::vector<Duplicate>& found, bool exact) {
  std::vector<std::string> places;
  for (const Duplicate& d : found) {
    if (d.exact != exact || places.size() == 3) continue;
    std::string place = rows.records[d.row].place + " = " + rows.records[d.of].place;
    if (!exact)
      place = fmt::format("{} ≈ {} ({:.2f})", rows.records[d.row].place, rows.records[d.of].place, d.jaccard);
    places.push_back(std::move(place));
  }
  return places;
}

}  // namespace

void check_duplicates(const Subject& subject, Findings& out) {
  const Side& train = subject.train;
  const double threshold = subject.limits.near_threshold;
  const std::vector<Duplicate> found = find_duplicates(train.sketches, train.hashes, threshold);
  const auto rows = static_cast<int64_t>(train.hashes.size());
  for (const bool exact : {true, false}) {
    const auto count = std::ranges::count(found, exact, &Duplicate::exact);
    if (count == 0) continue;
    const double share = share_of(count, rows);
    const std::string text =
        exact ? fmt::format("{} ({}) {} an earlier row word for word.", counted(count, "row"), percent(share),
                            verb(count, "repeats", "repeat"))
              : fmt::format(
                    "{} ({}) {} nearly, but not exactly, the same as an earlier row (similarity from {:g}).",
                    counted(count, "row"), percent(share), verb(count, "is", "are"), threshold);
    out.push_back({.severity = share < 0.001 ? Severity::note : Severity::warning,
                   .code = exact ? "exact_duplicates" : "near_duplicates",
                   .text = text,
                   .count = count,
                   .share = share,
                   .places = pairs_of(train.rows, found, exact),
                   .advice = exact ? "keel data clean leaves the repeats out"
                                   : "look at the pairs; keel data clean keeps the first of each"});
  }
}

}  // namespace keel
