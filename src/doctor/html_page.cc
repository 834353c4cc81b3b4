#include "doctor/html_page.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "doctor/wording.h"
#include "report/html_escape.h"
#include "report/page.h"
#include "report/page_parts.h"

namespace keel {
namespace {

struct Bar {
  std::string label;
  int64_t value = 0;
};

// Horizontal bars with their numbers, so that the picture is a table too.
std::string bars(const std::string& title, const std::vector<Bar>& all) {
  int64_t most = 1;
  for (const Bar& b : all) most = std::max(most, b.value);
  constexpr int kRow = 24, kLeft = 130, kWidth = 420;
  std::string body;
  int y = 0;
  for (const Bar& b : all) {
    const double width =
        static_cast<double>(kWidth) * static_cast<double>(b.value) / static_cast<double>(most);
    body += fmt::format(
        "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text><rect class=\"zone1\" x=\"{}\" y=\"{}\" "
        "width=\"{:.1f}\" "
        "height=\"{}\"/><text x=\"{:.1f}\" y=\"{}\">{}</text>\n",
        kLeft - 8, y + 16, escape_html(b.label), kLeft, y + 4, width, kRow - 8, kLeft + width + 6, y + 16,
        format_count(b.value));
    y += kRow;
  }
  return fmt::format(
      "<figure class=\"chart\"><figcaption>{}</figcaption><svg viewBox=\"0 0 {} {}\" role=\"img\" "
      "aria-label=\"{}\">\n{}</svg></figure>\n",
      escape_html(title), kLeft + kWidth + 90, y + 4, escape_html(title), body);
}

std::string histogram(const Lengths& l) {
  std::vector<Bar> all;
  for (size_t i = 0; i < l.rows.size(); ++i) all.push_back({"to " + format_count(l.up_to[i]), l.rows[i]});
  std::string title = fmt::format("Rows by length in {}: median {}, 95 % up to {}, longest {}", l.unit,
                                  format_count(l.median), format_count(l.p95), format_count(l.longest));
  if (l.cutoff > 0) title += fmt::format("; cutoff_len {}", format_count(l.cutoff));
  return all.empty() ? "" : bars(title, all);
}

std::string scripts(const Diagnosis& d) {
  std::vector<Bar> all;
  for (size_t i = 1; i < kScripts; ++i) {
    Bar bar{.label = script_name(static_cast<Script>(i))};
    for (const SourceFacts& s : d.sources) bar.value += s.letters[i];
    if (bar.value > 0) all.push_back(std::move(bar));
  }
  std::ranges::stable_sort(all, std::ranges::greater{}, &Bar::value);
  return all.empty() ? "" : bars("Letters by script", all);
}

Json source_row(const std::string& role, const SourceFacts& s, bool tokenised) {
  Json row{s.name,
           role,
           s.schema,
           format_count(s.rows),
           format_count(s.rejected),
           format_count(s.replies),
           format_count(s.characters)};
  if (tokenised) row.insert(row.end(), {format_count(s.tokens), format_count(s.supervised)});
  return row;
}

// report/ draws tables from a summary.
std::string sources(const Diagnosis& d) {
  Json columns{"source", "set", "form", "rows", "bad rows", "replies", "characters"};
  if (d.tokenised) columns.insert(columns.end(), {"tokens", "trained tokens"});
  Json rows = Json::array();
  for (const SourceFacts& s : d.sources) rows.push_back(source_row("train", s, d.tokenised));
  for (const SourceFacts& s : d.validation) rows.push_back(source_row("validation", s, d.tokenised));
  RunFolder folder;
  folder.summary = {{"tables", Json::array({{{"title", "Sources"}, {"columns", columns}, {"rows", rows}}})}};
  return render_tables(folder);
}

std::string findings(const Diagnosis& d) {
  std::string out;
  for (const Finding& f : d.findings) {
    std::string places;
    for (const std::string& p : f.places) places += "<li>" + escape_html(p) + "</li>";
    out += fmt::format("<article class=\"sample\"><h3>{}</h3><p class=\"kind\">{} · {}</p>{}{}</article>\n",
                       escape_html(f.text), severity_name(f.severity), escape_html(f.code),
                       places.empty() ? "" : "<ul class=\"notes\">" + places + "</ul>",
                       f.advice.empty() ? "" : "<p>→ " + escape_html(f.advice) + "</p>");
  }
  return out.empty() ? "<p>Nothing was found.</p>" : out;
}

std::string verdict(const Diagnosis& d) {
  std::string out =
      fmt::format("{}, {}, {}.", counted(d.count(Severity::error), "error"),
                  counted(d.count(Severity::warning), "warning"), counted(d.count(Severity::note), "note"));
  if (d.plan)
    out += fmt::format(" Training makes {} from {}.", counted(d.plan->steps, "optimiser step"),
                       counted(d.plan->samples, "sample"));
  if (d.speed)
    out += fmt::format(" At the measured {:.0f} tokens/s that takes about {} and {:.1f} GB.",
                       d.speed->tokens_per_s, format_duration(d.speed->seconds), d.speed->memory_gb);
  if (!d.tokenised) out += " No model was named, so tokens, cuts, masks and steps are left out.";
  return out;
}

}  // namespace

std::string html_page(const Diagnosis& d) {
  const std::string charts = histogram(d.lengths) + scripts(d);
  return page_head("Data check", page_style()) +
         fmt::format(
             "<body>\n<header><p class=\"kind\">keel data check</p><h1>Data check</h1>\n<p "
             "class=\"verdict\">{}</p></header>\n"
             "<main>\n{}{}<section><h2>Findings</h2>\n{}</section>\n</main>\n</body>\n</html>\n",
             escape_html(verdict(d)), sources(d),
             charts.empty() ? ""
                            : "<section><h2>Lengths and scripts</h2>\n<div class=\"charts\">" + charts +
                                  "</div></section>\n",
             findings(d));
}

}  // namespace keel
