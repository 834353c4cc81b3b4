// Text that the tokenizer has no words for: it is spelled in bytes, or lost as unknown tokens.
#include <fmt/format.h>

#include "base/log.h"
#include "doctor/checks.h"
#include "doctor/wording.h"

namespace keel {

void check_broken_tokens(const Subject& subject, Findings& out) {
  int64_t broken = 0, all = 0;
  std::vector<uint32_t> rows;
  for (uint32_t i = 0; i < subject.train.tokens.size(); ++i) {
    const RowTokens& row = subject.train.tokens[i];
    broken += row.broken_tokens;
    all += row.stats.tokens;
    if (10 * row.broken_tokens > row.stats.tokens) rows.push_back(i);
  }
  const double share = share_of(broken, all);
  if (broken == 0) return;
  out.push_back(
      {.severity = share > 0.05 ? Severity::warning : Severity::note,
       .code = "byte_fallback",
       .text =
           fmt::format("{} of the tokens ({}) are single bytes of a character, or unknown; {} more than a "
                       "tenth of them.",
                       percent(share), format_count(broken),
                       counted(static_cast<int64_t>(rows.size()), "row has", "rows have")),
       .count = broken,
       .share = share,
       .places = places_of(subject.train.rows, rows),
       .advice = share > 0.05 ? "this model hardly knows the script; take one whose tokenizer does" : ""});
}

}  // namespace keel
