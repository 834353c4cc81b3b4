// What cutoff_len takes away, and rows that leave nothing to train.
#include <fmt/format.h>

#include "base/log.h"
#include "doctor/checks.h"
#include "doctor/wording.h"

namespace keel {
namespace {

void add_over_long(const Subject& subject, const DataStats& all, std::span<const uint32_t> rows,
                   Findings& out) {
  const double lost = share_of(all.lost_supervised, all.supervised + all.lost_supervised);
  const double dropped = share_of(all.dropped, all.rows);
  out.push_back(
      {.severity = dropped > 0.01 || lost > 0.05 ? Severity::warning : Severity::note,
       .code = "over_long",
       .text = fmt::format(
           "{} ({}) {} longer than cutoff_len {}: {} dropped, {} lost their oldest turns; {} of the reply "
           "tokens are lost.",
           counted(all.over_long, "row"), percent(share_of(all.over_long, all.rows)),
           verb(all.over_long, "is", "are"), format_count(subject.data.cutoff_len), format_count(all.dropped),
           format_count(all.over_long - all.dropped), percent(lost)),
       .count = all.over_long,
       .share = share_of(all.over_long, all.rows),
       .places = places_of(subject.train.rows, rows),
       .advice = fmt::format("raise cutoff_len (the longest row has {} tokens), or split long rows",
                             format_count(all.longest))});
}

}  // namespace

void check_lengths(const Subject& subject, Findings& out) {
  DataStats all;
  std::vector<uint32_t> over_long, unlabelled;
  for (uint32_t i = 0; i < subject.train.tokens.size(); ++i) {
    const DataStats& s = subject.train.tokens[i].stats;
    all += s;
    if (s.over_long > 0) over_long.push_back(i);
    if (s.no_label > 0) unlabelled.push_back(i);
  }
  if (!over_long.empty()) add_over_long(subject, all, over_long, out);
  if (unlabelled.empty()) return;
  out.push_back(
      {.severity = Severity::warning,
       .code = "nothing_to_train",
       .text = fmt::format("{} ({}) {} nothing that is trained.", counted(all.no_label, "row"),
                           percent(share_of(all.no_label, all.rows)), verb(all.no_label, "has", "have")),
       .count = all.no_label,
       .share = share_of(all.no_label, all.rows),
       .places = places_of(subject.train.rows, unlabelled),
       .advice = "look at train_on and at the weights of rows and messages"});
}

}  // namespace keel
