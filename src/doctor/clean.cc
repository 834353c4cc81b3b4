#include "doctor/clean.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/utf8.h"
#include "doctor/leaks.h"
#include "doctor/personal_data.h"
#include "doctor/stock_phrases.h"

namespace keel {
namespace {

// Why each row is left out; the first reason counts.
class Cleaner {
 public:
  Cleaner(const Subject& subject, const CleanOptions& options)
      : subject_(subject), options_(options), why_(subject.train.rows.records.size()) {}

  Cleaned run() {
    if (options_.drop_empty) drop_empty();
    if (options_.drop_leaks && !subject_.validation.hashes.empty()) drop_leaks();
    if (options_.dedup != "none") drop_duplicates();
    if (options_.phrase_cap > 0) cap_phrases();
    return collect();
  }

 private:
  const std::string& place(uint32_t row) const { return subject_.train.rows.records[row].place; }
  bool kept(uint32_t row) const { return why_[row].empty(); }
  void drop(uint32_t row, std::string why) {
    if (kept(row)) why_[row] = std::move(why);
  }

  void drop_empty() {
    for (const Reply& reply : subject_.train.replies) {
      if (!reply.acts && reply.text.find_first_not_of(" \t\r\n") == std::string_view::npos)
        drop(reply.row, "an empty reply");
    }
  }

  // Looked for from the other side: training rows near a validation row.
  void drop_leaks() {
    for (const Leak& leak : find_leaks(subject_.validation, subject_.train, subject_.limits.near_threshold)) {
      const std::string& other = subject_.validation.rows.records[leak.train].place;
      drop(leak.validation, leak.exact ? "also in the validation set: " + other
                                       : fmt::format("nearly the same as {} of the validation set ({:.2f})",
                                                     other, leak.jaccard));
    }
  }

  // Among the rows that are still kept, so that no row goes for the sake of one that went too.
  void drop_duplicates() {
    std::vector<uint32_t> rows;
    std::vector<Sketch> sketches;
    std::vector<uint64_t> hashes;
    for (uint32_t row = 0; row < why_.size(); ++row) {
      if (!kept(row)) continue;
      rows.push_back(row);
      sketches.push_back(subject_.train.sketches[row]);
      hashes.push_back(subject_.train.hashes[row]);
    }
    for (const Duplicate& d : find_duplicates(sketches, hashes, subject_.limits.near_threshold)) {
      if (!d.exact && options_.dedup == "exact") continue;
      drop(rows[d.row], d.exact
                            ? "repeats " + place(rows[d.of])
                            : fmt::format("nearly the same as {} ({:.2f})", place(rows[d.of]), d.jaccard));
    }
  }

  // Rows with the phrase go, those with the greatest content hash first (no part of the file is favoured),
  // until at most the cap of the replies that are left hold it.
  void cap_phrases() {
    std::vector<std::string_view> texts;
    for (const Reply& reply : subject_.train.replies) texts.push_back(reply.text);
    for (const StockPhrase& phrase : find_stock_phrases(texts, options_.phrase_cap).phrases) {
      std::vector<uint32_t> rows;
      for (const uint32_t reply : phrase.replies) {
        const uint32_t row = subject_.train.replies[reply].row;
        if (kept(row) && (rows.empty() || rows.back() != row)) rows.push_back(row);
      }
      std::ranges::sort(rows, {}, [&](uint32_t row) { return std::pair(subject_.train.hashes[row], row); });
      cap_rows(rows, phrase);
    }
  }

  void cap_rows(const std::vector<uint32_t>& rows, const StockPhrase& phrase) {
    std::map<uint32_t, int64_t> with;  // replies with the phrase, by row
    for (const uint32_t reply : phrase.replies) ++with[subject_.train.replies[reply].row];
    int64_t all = 0, holding = 0;
    std::map<uint32_t, int64_t> replies;
    for (const Reply& reply : subject_.train.replies) {
      if (!kept(reply.row)) continue;
      ++all;
      ++replies[reply.row];
    }
    for (const uint32_t row : rows) holding += with[row];
    for (size_t i = rows.size();
         i-- > 0 && static_cast<double>(holding) > options_.phrase_cap * static_cast<double>(all);) {
      drop(rows[i], fmt::format("stock phrase over the cap: “{}”", utf8_prefix(phrase.text, 200)));
      holding -= with[rows[i]];
      all -= replies[rows[i]];
    }
  }

  void mask(Record& record, Cleaned& out) const {
    std::map<std::string, int64_t> kinds;
    const auto edit = [&](std::string& text) {
      const auto items = find_personal_data(text);
      if (items.empty()) return;
      for (const PersonalItem& item : items) ++kinds[personal_name(item.kind)];
      text = mask_personal_data(text);
    };
    for_each_text(record.messages, edit);
    edit(record.text);
    for (const auto& [kind, count] : kinds) {
      out.changes.push_back({record.place, "masked", fmt::format("{} × {}", count, kind)});
      out.masked += count;
    }
  }

  Cleaned collect() const {
    Cleaned out;
    for (const Source& source : subject_.train.rows.sources) {
      for (const Rejection& r : source.rejections)
        out.changes.push_back({r.place, "left out", "a bad row: " + sentence(r)});
    }
    for (uint32_t row = 0; row < why_.size(); ++row) {
      if (!kept(row)) {
        out.changes.push_back({place(row), "left out", why_[row]});
        continue;
      }
      Record record = subject_.train.rows.records[row];
      if (options_.mask_personal_data) mask(record, out);
      out.rows.push_back(row_of(record));
    }
    return out;
  }

  const Subject& subject_;
  const CleanOptions& options_;
  std::vector<std::string> why_;  // empty: kept
};

}  // namespace

Cleaned clean(const Subject& subject, const CleanOptions& options) { return Cleaner(subject, options).run(); }

Json row_of(const Record& record) {
  Json row = Json::object();
  if (record.messages.empty())
    row["text"] = record.text;
  else
    row["messages"] = record.messages;
  if (!record.tools.is_null()) row["tools"] = record.tools;
  if (record.weight != 1.0) row["weight"] = record.weight;
  return row;
}

}  // namespace keel
