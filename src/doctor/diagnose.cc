#include "doctor/diagnose.h"

#include <algorithm>
#include <cmath>

#include "corpus/dedup/characters.h"
#include "doctor/checks.h"
#include "doctor/rejections.h"
#include "doctor/script_count.h"

namespace keel {
namespace {

// Characters of what is said; the letters by script.
int64_t count_text(const Record& record, ScriptCount& letters) {
  ScriptCount count{};
  count_scripts(record.text, count);
  for (const Json& message : record.messages) {
    if (message["content"].is_string())
      count_scripts(message["content"].get_ref<const std::string&>(), count);
  }
  int64_t characters = 0;
  for (size_t i = 0; i < kScripts; ++i) {
    letters[i] += count[i];
    characters += count[i];
  }
  return characters;
}

std::vector<SourceFacts> facts_of(const Side& side, std::vector<int64_t>& lengths) {
  std::vector<SourceFacts> facts;
  for (const Source& source : side.rows.sources) {
    SourceFacts f{.name = source.name, .schema = source.schema};
    f.rejected = static_cast<int64_t>(source.rejections.size());
    for (const RejectedFor& reason : by_reason(source.rejections)) f.rejected_for[reason.text] = reason.count;
    facts.push_back(std::move(f));
  }
  for (size_t i = 0; i < side.rows.records.size(); ++i) {
    SourceFacts& f = facts[static_cast<size_t>(side.rows.source[i])];
    ++f.rows;
    const int64_t characters = count_text(side.rows.records[i], f.letters);
    f.characters += characters;
    lengths.push_back(side.tokens.empty() ? characters : side.tokens[i].stats.longest);
    if (side.tokens.empty()) continue;
    f.tokens += side.tokens[i].stats.tokens;
    f.supervised += side.tokens[i].stats.supervised;
  }
  for (const Reply& reply : side.replies) ++facts[static_cast<size_t>(side.rows.source[reply.row])].replies;
  return facts;
}

// Bins up to 16, 32, 64, … until the longest.
Lengths lengths_of(std::vector<int64_t> lengths, bool tokens, int64_t cutoff) {
  Lengths out{.unit = tokens ? "tokens" : "characters", .cutoff = tokens ? cutoff : 0};
  if (lengths.empty()) return out;
  std::ranges::sort(lengths);
  const auto at = [&](double share) {
    return lengths[static_cast<size_t>(share * static_cast<double>(lengths.size() - 1))];
  };
  out.median = at(0.5);
  out.p95 = at(0.95);
  out.longest = lengths.back();
  int64_t below = 0;
  for (int64_t limit = 16; below < static_cast<int64_t>(lengths.size()); limit *= 2) {
    const int64_t so_far = std::ranges::upper_bound(lengths, limit) - lengths.begin();
    if (so_far > 0) {
      out.up_to.push_back(limit);
      out.rows.push_back(so_far - below);
    }
    below = so_far;
  }
  return out;
}

}  // namespace

std::optional<TrainingPlan> plan_of(const Subject& s) {
  if (!s.tokenised() || s.samples_per_step == 0) return {};
  TrainingPlan plan{.samples_per_step = s.samples_per_step, .epochs = s.epochs};
  int64_t text_tokens = 0;
  for (size_t i = 0; i < s.train.tokens.size(); ++i) {
    const DataStats& stats = s.train.tokens[i].stats;
    const bool packed = s.train.rows.records[i].messages.empty() && s.data.packing;
    if (packed)
      text_tokens += stats.tokens;
    else
      plan.samples += stats.examples;
  }
  const int64_t row = s.data.pack_length > 0 ? s.data.pack_length : s.data.cutoff_len;
  plan.samples += (text_tokens + row - 1) / row;  // packed rows are full but for a hair
  plan.steps_per_epoch = (plan.samples + plan.samples_per_step - 1) / plan.samples_per_step;
  const double steps = s.epochs * static_cast<double>(plan.steps_per_epoch);
  plan.steps =
      s.max_steps > 0 ? s.max_steps : static_cast<int64_t>(std::ceil(steps - 1e-9 * std::max(1.0, steps)));
  return plan;
}

Diagnosis diagnose(const Subject& subject, bool in_short) {
  Diagnosis d{.tokenised = subject.tokenised()};
  if (!in_short) {
    std::vector<int64_t> lengths, unused;
    d.sources = facts_of(subject.train, lengths);
    d.validation = facts_of(subject.validation, unused);
    d.lengths = lengths_of(std::move(lengths), d.tokenised, subject.data.cutoff_len);
    d.plan = plan_of(subject);
  }
  for (const Check& check : checks()) {
    if (!in_short || check.in_short) check.run(subject, d.findings);
  }
  std::ranges::stable_sort(d.findings, {}, &Finding::severity);
  return d;
}

}  // namespace keel
