#include "doctor/diagnose.h"

#include <algorithm>

#include "corpus/dedup/characters.h"
#include "corpus/dedup/script_count.h"
#include "data/mix.h"
#include "data/sampler.h"
#include "doctor/checks.h"

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

namespace {

struct Samples {
  std::vector<int64_t> lengths;
  std::vector<int32_t> source;
  void add(int64_t count, int64_t length, int32_t from) {
    lengths.insert(lengths.end(), static_cast<size_t>(count), length);
    source.insert(source.end(), static_cast<size_t>(count), from);
  }
};

// A row of several samples counts them as equally long; packed rows of plain text as full, which they are but
// for a hair.
Samples samples_of(const Subject& s) {
  Samples samples;
  std::vector<int64_t> text_tokens(s.train.rows.sources.size(), 0);
  for (size_t i = 0; i < s.train.tokens.size(); ++i) {
    const DataStats& stats = s.train.tokens[i].stats;
    const int32_t source = s.train.rows.source[i];
    if (s.train.rows.records[i].messages.empty() && s.data.packing)
      text_tokens[static_cast<size_t>(source)] += stats.tokens;
    else if (stats.examples > 0)
      samples.add(stats.examples, stats.tokens / stats.examples, source);
  }
  const int64_t row = s.data.pack_length > 0 ? s.data.pack_length : s.data.cutoff_len;
  for (size_t i = 0; i < text_tokens.size(); ++i)
    samples.add((text_tokens[i] + row - 1) / row, row, static_cast<int32_t>(i));
  return samples;
}

std::vector<MixStage> stages_of(const Subject& s, const Samples& samples) {
  if (s.data.mixing.strategy == "concat") return {MixStage{}};
  MixSamples mixed{.source_of = samples.source, .lengths = samples.lengths};
  for (const Source& source : s.train.rows.sources) mixed.sources.push_back(source.name);
  return make_mix(mixed, s.data, 0).stages;
}

}  // namespace

std::optional<TrainingPlan> plan_of(const Subject& s) {
  if (!s.tokenised() || s.samples_per_step == 0) return {};
  const Samples samples = samples_of(s);
  if (samples.lengths.empty()) return {};
  const Sampler sampler(samples.lengths,
                        {.batch_size = s.samples_per_step, .epochs = s.epochs, .max_steps = s.max_steps},
                        stages_of(s, samples));
  TrainingPlan plan{.samples_per_step = s.samples_per_step,
                    .steps = sampler.total_steps(),
                    .stages = static_cast<int64_t>(sampler.stages()),
                    .epochs = s.epochs};
  for (size_t stage = 0; stage < sampler.stages(); ++stage) {
    plan.samples += sampler.samples_per_epoch(stage);
    plan.steps_per_epoch += sampler.steps_per_epoch(stage);
  }
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
