// Stock phrases: what every reply says teaches the model to say it always, and takes weight from what
// matters.
#include <fmt/format.h>

#include "base/utf8.h"
#include "doctor/checks.h"
#include "doctor/stock_phrases.h"
#include "doctor/wording.h"

namespace keel {
namespace {

std::string quoted(const std::string& text) {
  if (text.size() <= 80) return "“" + text + "”";
  return fmt::format("“{}…”", utf8_prefix(text, 80));
}

// Tokens of the reply that begin inside the covered ranges.
int64_t tokens_inside(const Tokenizer& tokenizer, std::string_view reply,
                      std::span<const StockPhrases::Cover> covered) {
  const Tokenizer::Encoding tokens = tokenizer.encode_with_offsets(reply);
  int64_t inside = 0;
  for (size_t t = 0; t < tokens.ids.size(); ++t) {
    size_t at = tokens.begin_byte[t];
    while (at < tokens.end_byte[t] && reply[at] == ' ')
      ++at;  // a token begins with the blank before its word
    for (const auto& c : covered) inside += at >= c.begin && at < c.end;
  }
  return inside;
}

struct CoveredShare {
  double share = 0;
  const char* of = "";
};

CoveredShare covered_share(const Subject& subject, const StockPhrases& found) {
  const std::span covered(found.covered);
  int64_t inside = 0, all = 0;
  if (subject.tokenizer == nullptr || !subject.tokenised()) {
    for (const auto& c : covered) inside += static_cast<int64_t>(c.end - c.begin);
    for (const Reply& reply : subject.train.replies) all += static_cast<int64_t>(reply.text.size());
    return {share_of(inside, all), "of the replies' bytes"};
  }
  for (size_t from = 0, to = 0; from < covered.size(); from = to) {
    while (to < covered.size() && covered[to].reply == covered[from].reply) ++to;
    inside += tokens_inside(*subject.tokenizer, subject.train.replies[covered[from].reply].text,
                            covered.subspan(from, to - from));
  }
  for (const RowTokens& row : subject.train.tokens) all += row.stats.supervised;
  return {std::min(1.0, share_of(inside, all)), "of the trained tokens"};
}

}  // namespace

void check_phrases(const Subject& subject, Findings& out) {
  std::vector<std::string_view> texts;
  for (const Reply& reply : subject.train.replies) texts.push_back(reply.text);
  const StockPhrases found = find_stock_phrases(texts, subject.limits.phrase_share);
  if (found.phrases.empty()) return;
  const CoveredShare covered = covered_share(subject, found);
  const StockPhrase& top = found.phrases.front();
  Finding f{.severity = covered.share > 0.05 ? Severity::warning : Severity::note,
            .code = "stock_phrases",
            .count = static_cast<int64_t>(found.phrases.size()),
            .share = covered.share,
            .advice = "reword some, or cap them: keel data clean --phrase_cap 0.1"};
  const double often = share_of(static_cast<int64_t>(top.replies.size()), static_cast<int64_t>(texts.size()));
  f.text = fmt::format("{} in more than {:g} % of the replies, {} {}; most often {} ({} of the replies).",
                       counted(f.count, "phrase stands", "phrases stand"), 100 * subject.limits.phrase_share,
                       percent(covered.share), covered.of, quoted(top.text), percent(often));
  for (size_t i = 0; i < std::min<size_t>(3, found.phrases.size()); ++i) {
    const StockPhrase& p = found.phrases[i];
    const Reply& reply = subject.train.replies[p.replies.front()];
    f.places.push_back(fmt::format("{} {}", subject.train.rows.records[reply.row].place, quoted(p.text)));
  }
  out.push_back(std::move(f));
}

}  // namespace keel
