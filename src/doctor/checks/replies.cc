// Replies that are empty, very short or repeat themselves.
#include <fmt/format.h>

#include "corpus/dedup/shingles.h"
#include "doctor/checks.h"
#include "doctor/wording.h"

namespace keel {
namespace {

bool is_blank_text(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

void add(const Subject& subject, const std::vector<uint32_t>& rows, Finding finding, Findings& out) {
  if (rows.empty()) return;
  finding.count = static_cast<int64_t>(rows.size());
  finding.share = share_of(finding.count, static_cast<int64_t>(subject.train.replies.size()));
  finding.text = fmt::format(fmt::runtime(finding.text), counted(finding.count, "reply", "replies"),
                             percent(finding.share));
  finding.places = places_of(subject.train.rows, rows);
  out.push_back(std::move(finding));
}

}  // namespace

void check_replies(const Subject& subject, Findings& out) {
  std::vector<uint32_t> empty, brief, repetitive;  // rows, one entry a reply
  for (const Reply& reply : subject.train.replies) {
    if (is_blank_text(reply.text)) {
      if (!reply.acts) empty.push_back(reply.row);
      continue;
    }
    const std::vector<Unit> units = split_units(reply.text);
    if (static_cast<int64_t>(units.size()) < subject.limits.short_reply && !reply.acts)
      brief.push_back(reply.row);
    if (repeated_share(units, 4) > subject.limits.repetition_limit) repetitive.push_back(reply.row);
  }
  add(subject, empty,
      {.severity = Severity::error,
       .code = "empty_replies",
       .text = "{} ({}) without any text: trained, they teach silence.",
       .advice = "keel data clean leaves these rows out"},
      out);
  add(subject, brief,
      {.code = "short_replies",
       .text = fmt::format("{{}} ({{}}) of fewer than {} words (or characters where words have no blanks).",
                           subject.limits.short_reply),
       .advice = "fine for labels; a chat model learns to be curt"},
      out);
  add(subject, repetitive,
      {.severity = Severity::warning,
       .code = "repetitive_replies",
       .text = fmt::format("{{}} ({{}}) with much repetition: more than {:g} % of the 4-grams came before.",
                           100 * subject.limits.repetition_limit),
       .advice = "look at them; a model learns to loop from such rows"},
      out);
}

}  // namespace keel
