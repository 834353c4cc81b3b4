// Rows that cannot be read, by reason. Roles out of order, empty replies and wrong types all come here.
#include <fmt/format.h>

#include <algorithm>

#include "doctor/checks.h"
#include "doctor/wording.h"

namespace keel {

void check_rejected(const Subject& subject, Findings& out) {
  for (const Source& source : subject.train.rows.sources) {
    if (source.rejections.empty()) continue;
    const auto index = static_cast<int32_t>(&source - subject.train.rows.sources.data());
    const auto good = std::ranges::count(subject.train.rows.source, index);
    const auto bad = static_cast<int64_t>(source.rejections.size());
    const double share = share_of(bad, bad + good);
    for (const RejectedFor& reason : by_reason(source.rejections)) {
      out.push_back({.severity = share > subject.data.max_rejected ? Severity::error : Severity::warning,
                     .code = "rejected_rows",
                     .text = fmt::format("{} of {} cannot be used: {}.", counted(reason.count, "row"),
                                         source.name, reason.text),
                     .count = reason.count,
                     .share = share_of(reason.count, bad + good),
                     .places = reason.places,
                     .advice = share > subject.data.max_rejected
                                   ? "mend or remove these rows; training stops at more than max_rejected"
                                   : "mend or remove these rows; training leaves them out"});
    }
  }
}

void check_refused(const Subject& subject, Findings& out) {
  std::vector<uint32_t> rows;
  for (uint32_t i = 0; i < subject.train.tokens.size(); ++i) {
    if (!subject.train.tokens[i].refused.empty()) rows.push_back(i);
  }
  if (rows.empty()) return;
  Finding f = about_rows(subject.train.rows, rows);
  f.severity = f.share > subject.data.max_rejected ? Severity::error : Severity::warning;
  f.code = "refused_by_template";
  f.text = fmt::format("The chat template does not take {} ({}): {}.", counted(f.count, "row"),
                       percent(f.share), subject.train.tokens[rows.front()].refused);
  f.advice = "mend these rows, or name another template";
  out.push_back(std::move(f));
}

}  // namespace keel
