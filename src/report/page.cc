#include "report/page.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/charts.h"
#include "report/frontier.h"
#include "report/html_escape.h"
#include "report/page_parts.h"
#include "report/token_map.h"

namespace keel {
namespace {

struct Section {
  std::string id, title, body;
};

std::string verdict_of(const RunFolder& folder) {
  const std::string given = text_of(folder.summary, "verdict");
  if (!given.empty()) return given;
  return folder.summary.empty()
             ? "No summary: this run has not finished, or was stopped. Below is what it wrote until then."
             : "";
}

std::string render_configs(const RunFolder& folder) {
  std::string out;
  for (const auto& [name, text] : folder.configs)
    out += fmt::format("<details><summary>{}</summary><pre tabindex=\"0\"><code>{}</code></pre></details>\n",
                       escape_html(name), escape_html(text));
  return out;
}

// Words stay whole where the line wraps: browsers would break "--name" after its hyphens.
std::string keep_words_whole(const std::string& command) {
  if (command.find('\n') != std::string::npos) return escape_html(command);  // laid out by hand already
  std::string out;
  for (size_t from = 0; from <= command.size();) {
    const size_t to = std::min(command.find(' ', from), command.size());
    if (from > 0) out += ' ';
    if (to > from)
      out += "<span>" + escape_html(std::string_view(command).substr(from, to - from)) + "</span>";
    from = to + 1;
  }
  return out;
}

std::string render_command(const Json& summary) {
  const std::string command = text_of(summary, "command");
  if (command.empty()) return {};
  return "<pre class=\"command\" tabindex=\"0\"><code>" + keep_words_whole(command) + "</code></pre>\n";
}

std::vector<Section> sections_of(const RunFolder& folder) {
  std::vector<std::string> notes = folder.notes;
  const std::string charts = draw_charts(folder.runs, notes);  // before the notes are read
  std::vector<Section> sections{
      {"warnings", "Warnings", render_warnings(folder.summary)},
      {"frontier", "Frontier", draw_frontier(folder.summary.value("frontier", Json()))},
      {"results", "Results", render_tables(folder)},
      {"curves", "Curves", charts},
      {"samples", "Samples", render_samples(folder.summary)},
      {"tokens", "Tokens of the right replies", render_token_maps(list_of(folder.summary, "samples"))},
      {"facts", "Facts", render_facts(folder.summary)},
      {"repeat", "Repeat this run", render_command(folder.summary) + render_configs(folder)},
      {"notes", "Notes", render_notes(notes)}};
  std::erase_if(sections, [](const Section& s) { return s.body.empty(); });
  return sections;
}

}  // namespace

std::string page_head(const std::string& title, std::string_view style) {
  // The policy makes sure of "no outside requests" even if something slipped through; the empty icon spares a
  // request when the page is served.
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
      "img-src data:\">\n<link rel=\"icon\" "
      "href=\"data:,\">\n<title>{}</title>\n<style>{}</style>\n</head>\n",
      escape_html(title), style);
}

std::string render_page(const RunFolder& folder) {
  const std::string given = text_of(folder.summary, "title");
  const std::string title = given.empty() ? folder.name : given, verdict = verdict_of(folder);
  const std::vector<Section> sections = sections_of(folder);
  std::string links, body;
  for (const Section& s : sections) {
    links += fmt::format("<a href=\"#{}\">{}</a>\n", s.id, s.title);
    body += fmt::format(
        "<section id=\"{0}\" aria-labelledby=\"{0}-h\">\n<h2 id=\"{0}-h\">{1}</h2>\n{2}</section>\n", s.id,
        s.title, s.body);
  }
  return page_head(title, page_style()) +
         fmt::format(
             "<body>\n<header><p class=\"kind\">Keel run report</p><h1 dir=\"auto\">{}</h1>\n{}</header>\n"
             "<nav aria-label=\"Sections\">{}</nav>\n<main>\n{}</main>\n</body>\n</html>\n",
             escape_html(title),
             verdict.empty()
                 ? ""
                 : fmt::format("<p class=\"verdict\" dir=\"auto\">{}</p>\n", escape_html(verdict)),
             links, body);
}

}  // namespace keel
