#include "doctor/text_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "doctor/wording.h"

namespace keel {
namespace {

constexpr size_t kBar = 40;  // columns of the longest bar

// As many columns as the text takes; wide characters are taken for one, which only shifts what follows.
size_t columns_of(std::string_view text) {
  return static_cast<size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
}

std::string padded(const std::string& text, size_t width, bool left) {
  const std::string blanks(width - std::min(width, columns_of(text)), ' ');
  return left ? text + blanks : blanks + text;
}

using TextRow = std::vector<std::string>;

std::string table(const std::vector<TextRow>& rows) {
  std::vector<size_t> widths(rows.front().size(), 0);
  for (const TextRow& row : rows)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns_of(row[i]));
  std::string out;
  for (const TextRow& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) out += (i > 0 ? "  " : "") + padded(row[i], widths[i], i == 0);
    while (out.ends_with(' ')) out.pop_back();
    out += '\n';
  }
  return out;
}

// The end of a long path says more than its beginning.
std::string short_name(const std::string& name) {
  const size_t slash = name.rfind('/');
  return slash == std::string::npos || name.size() < 40 ? name : "…" + name.substr(slash);
}

TextRow source_line(const std::string& name, const SourceFacts& s, bool tokenised) {
  TextRow row{name,
              s.schema,
              format_count(s.rows),
              format_count(s.rejected),
              format_count(s.replies),
              format_count(s.characters)};
  if (tokenised) {
    row.push_back(format_count(s.tokens));
    row.push_back(format_count(s.supervised));
    row.push_back(percent(share_of(s.supervised, s.tokens)));
  }
  return row;
}

std::string sources_text(const Diagnosis& d) {
  std::vector<TextRow> rows{{"source", "form", "rows", "bad", "replies", "characters"}};
  if (d.tokenised) rows.front().insert(rows.front().end(), {"tokens", "trained", "share"});
  for (const SourceFacts& s : d.sources) rows.push_back(source_line(short_name(s.name), s, d.tokenised));
  for (const SourceFacts& s : d.validation)
    rows.push_back(source_line("validation: " + short_name(s.name), s, d.tokenised));
  return table(rows);
}

std::string lengths_text(const Lengths& l) {
  if (l.rows.empty()) return {};
  std::string out = fmt::format("\nlength of a row in {}: median {}, 95 % up to {}, longest {}{}\n", l.unit,
                                format_count(l.median), format_count(l.p95), format_count(l.longest),
                                l.cutoff > 0 ? fmt::format(" (cutoff_len {})", format_count(l.cutoff)) : "");
  const int64_t most = *std::ranges::max_element(l.rows);
  for (size_t i = 0; i < l.rows.size(); ++i) {
    const auto bar = static_cast<size_t>(
        std::round(static_cast<double>(l.rows[i] * static_cast<int64_t>(kBar)) / static_cast<double>(most)));
    out += fmt::format("  to {} {:40} {}\n", padded(format_count(l.up_to[i]), 9, false),
                       std::string(bar, '#'), format_count(l.rows[i]));
  }
  return out;
}

std::string scripts_text(const Diagnosis& d) {
  std::array<int64_t, kScripts> letters{};
  int64_t all = 0;
  for (const SourceFacts& s : d.sources) {
    for (size_t i = 1; i < kScripts; ++i) {
      letters[i] += s.letters[i];
      all += s.letters[i];
    }
  }
  std::vector<size_t> order;
  for (size_t i = 1; i < kScripts; ++i) {
    if (letters[i] > 0) order.push_back(i);
  }
  std::ranges::stable_sort(order, std::ranges::greater{}, [&](size_t i) { return letters[i]; });
  std::string out;
  for (const size_t i : order)
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", script_name(static_cast<Script>(i)),
                       percent(share_of(letters[i], all)));
  return out.empty() ? "" : "\nletters by script: " + out + "\n";
}

std::string plan_text(const Diagnosis& d) {
  if (!d.tokenised)
    return "\nNo model was named (--model_name_or_path), so tokens, cuts, masks and steps are left out.\n";
  if (!d.plan) return "\nsteps: not known before the run (token_batch)\n";
  return fmt::format("\nsteps: {} at {} a step: {} a pass, {} in all ({})\n",
                     counted(d.plan->samples, "sample"), format_count(d.plan->samples_per_step),
                     format_count(d.plan->steps_per_epoch), format_count(d.plan->steps),
                     d.plan->stages > 1    ? counted(d.plan->stages, "stage")
                     : d.plan->epochs == 1 ? "1 pass"
                                           : fmt::format("{:g} passes", d.plan->epochs));
}

std::string speed_text(const Diagnosis& d) {
  if (!d.plan) return {};
  if (!d.speed) return "time and memory: not measured (--measure_steps 3 tries the first steps)\n";
  return fmt::format("time and memory: about {} at {:.0f} tokens/s, {:.1f} GB ({} tried)\n",
                     format_duration(d.speed->seconds), d.speed->tokens_per_s, d.speed->memory_gb,
                     counted(d.speed->steps, "step"));
}

std::string finding_text(const Finding& f) {
  const char* mark = f.severity == Severity::error     ? "ERROR"
                     : f.severity == Severity::warning ? "warning"
                                                       : "note";
  std::string out = fmt::format("\n{} [{}] {}\n", mark, f.code, f.text);
  for (const std::string& place : f.places) out += "    " + place + "\n";
  if (!f.advice.empty()) out += "  → " + f.advice + "\n";
  return out;
}

}  // namespace

std::string text_page(const Diagnosis& d) {
  std::string out =
      sources_text(d) + lengths_text(d.lengths) + scripts_text(d) + plan_text(d) + speed_text(d);
  for (const Finding& f : d.findings) out += finding_text(f);
  return out + fmt::format("\n{}, {}, {}\n", counted(d.count(Severity::error), "error"),
                           counted(d.count(Severity::warning), "warning"),
                           counted(d.count(Severity::note), "note"));
}

std::vector<std::string> short_lines(const Diagnosis& d) {
  std::vector<std::string> lines;
  for (const Finding& f : d.findings) {
    if (f.severity == Severity::note) continue;
    lines.push_back(fmt::format("data: {}{}", f.text, f.places.empty() ? "" : " First: " + f.places.front()));
  }
  return lines;
}

}  // namespace keel
