// What the masks teach: whether replies end, and how a sample begins.
#include <fmt/format.h>

#include "base/log.h"
#include "doctor/checks.h"
#include "doctor/wording.h"

namespace keel {

void check_ends(const Subject& subject, Findings& out) {
  int64_t turns = 0, ended = 0;
  std::vector<uint32_t> open;
  for (uint32_t i = 0; i < subject.train.tokens.size(); ++i) {
    const RowTokens& row = subject.train.tokens[i];
    turns += row.chat_turns;
    ended += row.ended_turns;
    if (row.ended_turns < row.chat_turns) open.push_back(i);
  }
  if (turns == 0) return;
  const bool capped = subject.data.max_turn_tokens > 0;
  const double share = share_of(ended, turns);
  if (ended == turns) {
    out.push_back(
        {.code = "end_of_turn",
         .text = fmt::format("All {} end with a trained end of turn.", counted(turns, "trained turn")),
         .count = turns,
         .share = 1});
    return;
  }
  out.push_back({.severity = capped ? Severity::warning : Severity::error,
                 .code = "end_of_turn",
                 .text = fmt::format(
                     "{} of {} ({}) do not train their end of turn, so the model does not learn to stop "
                     "there.",
                     format_count(turns - ended), counted(turns, "trained turn"), percent(1 - share)),
                 .count = turns - ended,
                 .share = 1 - share,
                 .places = places_of(subject.train.rows, open),
                 .advice = capped ? "raise max_turn_tokens, which cuts these turns"
                                  : "use a chat template that ends a reply with a special token"});
}

void check_bos(const Subject& subject, Findings& out) {
  std::vector<uint32_t> rows;
  for (uint32_t i = 0; i < subject.train.tokens.size(); ++i) {
    if (subject.train.tokens[i].leading_bos > 1) rows.push_back(i);
  }
  if (rows.empty()) return;
  Finding f = about_rows(subject.train.rows, rows);
  f.severity = Severity::error;
  f.code = "two_bos";
  f.text = fmt::format("{} with more than one beginning-of-text token at the start.",
                       counted(f.count, "row begins", "rows begin"));
  f.advice = "take the token out of the rows' texts; the template writes it";
  out.push_back(std::move(f));
}

}  // namespace keel
