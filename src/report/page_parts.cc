#include "report/page_parts.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/axis.h"
#include "report/html_escape.h"

namespace keel {
namespace {

constexpr size_t kOpenSamples = 6;        // the others are folded
constexpr size_t kMostSamples = 200;      // a page stays readable, and under 2 MB
constexpr size_t kMostCharacters = 4000;  // of one text of a sample

std::string plain(const Json& value) {
  if (value.is_null()) return "–";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_number_float()) return format_value(value.get<double>());
  if (!value.is_array()) return to_line(value);
  std::string out;
  for (const Json& item : value) out += (out.empty() ? "" : ", ") + plain(item);
  return out;
}

// Tables.

bool looks_like_a_number(const Json& cell) {
  if (cell.is_number() || cell.is_null()) return true;
  if (!cell.is_string()) return false;
  const std::string text = cell.get<std::string>();
  const size_t digit = text.find_first_of("0123456789");
  // a sign or a currency may come before the digits ("+3.2", "−3"), a word may not
  return text.empty() || text == "–" || text == "-" || (digit != std::string::npos && digit <= 3);
}

std::vector<bool> numeric_columns(const Json& table) {
  std::vector<bool> numeric;
  for (const Json& row : list_of(table, "rows")) {
    if (!row.is_array()) continue;
    if (numeric.size() < row.size()) numeric.resize(row.size(), true);
    for (size_t i = 0; i < row.size(); ++i) numeric[i] = numeric[i] && looks_like_a_number(row[i]);
  }
  return numeric;
}

std::string cell_class(const std::vector<bool>& numeric, size_t column) {
  return column > 0 && column < numeric.size() && numeric[column] ? " class=\"n\"" : "";
}

std::string render_row(const Json& row, const std::vector<bool>& numeric) {
  std::string out = "<tr>";
  for (size_t i = 0; i < row.size(); ++i)
    out += fmt::format("<{0}{1} dir=\"auto\">{2}</{3}>", i == 0 ? "th scope=\"row\"" : "td",
                       cell_class(numeric, i), escape_html(plain(row[i])), i == 0 ? "th" : "td");
  return out + "</tr>\n";
}

std::string render_table(const Json& table) {
  const std::vector<bool> numeric = numeric_columns(table);
  std::string head, body;
  const Json& columns = list_of(table, "columns");
  for (size_t i = 0; i < columns.size(); ++i) {
    const std::string name = escape_html(plain(columns[i]));
    head += name.empty() ? "<td></td>"  // an empty header cell would be read out as one
                         : fmt::format("<th scope=\"col\"{}>{}</th>", cell_class(numeric, i), name);
  }
  for (const Json& row : list_of(table, "rows"))
    if (row.is_array()) body += render_row(row, numeric);
  if (body.empty()) return {};
  if (!head.empty()) head = fmt::format("<thead><tr>{}</tr></thead>\n", head);
  const std::string title = text_of(table, "title"), note = text_of(table, "note");
  const std::string caption =
      title.empty() ? "" : fmt::format("<caption><span>{}</span></caption>", escape_html(title));
  return fmt::format(
      "<div class=\"scroll\" tabindex=\"0\" role=\"group\" "
      "aria-label=\"{}\"><table>{}{}<tbody>{}</tbody></table></div>\n{}",
      escape_html(title.empty() ? "table" : title), caption, head, body,
      note.empty() ? "" : fmt::format("<p class=\"note\">{}</p>\n", escape_html(note)));
}

// What evaluation rows alone can tell, for a run without a summary.
Json evaluation_table(const RunFolder& folder) {
  Json rows = Json::array();
  for (const RunCurves& run : folder.runs) {
    const std::string prefix = run.name.empty() ? "" : run.name + ", ";
    std::vector<std::pair<std::string, std::string>> sets{{"eval_loss", "domain"},
                                                          {"general_loss", "general"}};
    for (const std::string& source : evaluated_sources({run}))
      sets.emplace_back(kSourceLoss + source, source);
    for (const auto& [key, name] : sets) {
      const Curve& curve = run.at(key);
      if (curve.empty()) continue;
      const Point& best = *std::ranges::min_element(curve, {}, &Point::y);
      rows.push_back({prefix + name, fmt::format("{:.3f}", curve.front().y), fmt::format("{:.3f}", best.y),
                      fmt::format("{:.0f}", best.x), fmt::format("{:.3f}", curve.back().y)});
    }
  }
  return {{"title", "Validation loss (nats per token)"},
          {"columns", {"", "first", "best", "best at step", "last"}},
          {"rows", rows}};
}

// Samples.

std::string render_text(const std::string& text, const char* css_class) {
  return fmt::format("<p class=\"{}\" dir=\"auto\">{}</p>", css_class,
                     escape_html(shorten(text, kMostCharacters)));
}

std::string render_answer(const Json& answer) {
  std::string mark;
  if (answer.is_object() && answer.contains("right") && answer["right"].is_boolean())
    mark = answer["right"].get<bool>() ? "<span class=\"mark right\">✓ right</span>"
                                       : "<span class=\"mark wrong\">✗ wrong</span>";
  const std::string text = text_of(answer, "text");
  return fmt::format("<div class=\"answer\"><h4><bdi>{}</bdi>{}</h4>{}</div>\n",
                     escape_html(text_of(answer, "name")), mark,
                     text.empty() ? "<p class=\"text empty\">(no text)</p>" : render_text(text, "text"));
}

std::string render_sample(const Json& sample) {
  std::string answers;
  for (const Json& answer : list_of(sample, "answers")) answers += render_answer(answer);
  const std::string reference = text_of(sample, "reference");
  return fmt::format(
      "<article class=\"sample\"><h3 dir=\"auto\">{}</h3>\n{}<div class=\"answers\">{}</div></article>\n",
      escape_html(shorten(text_of(sample, "prompt"), kMostCharacters)),
      reference.empty() ? ""
                        : fmt::format("<div class=\"reference\"><b>Reference</b>{}</div>\n",
                                      render_text(reference, "text")),
      answers);
}

}  // namespace

std::string text_of(const Json& object, const std::string& key) {
  if (!object.is_object() || !object.contains(key) || object[key].is_null()) return {};
  return plain(object[key]);
}

const Json& list_of(const Json& object, const std::string& key) {
  static const Json kNone = Json::array();
  if (!object.is_object() || !object.contains(key) || !object[key].is_array()) return kNone;
  return object[key];
}

std::string render_tables(const RunFolder& folder) {
  std::string out;
  for (const Json& table : list_of(folder.summary, "tables")) out += render_table(table);
  return out.empty() ? render_table(evaluation_table(folder)) : out;
}

std::string render_samples(const Json& summary) {
  const Json& samples = list_of(summary, "samples");
  const size_t shown = std::min(samples.size(), kMostSamples);
  std::string out;
  for (size_t i = 0; i < shown; ++i) {
    if (i == kOpenSamples)
      out += fmt::format("<details><summary>{} more samples</summary>\n", shown - kOpenSamples);
    out += render_sample(samples[i]);
  }
  if (shown > kOpenSamples) out += "</details>\n";
  if (shown < samples.size())
    out += fmt::format("<p class=\"note\">The first {} of {} samples.</p>\n", shown, samples.size());
  return out;
}

std::string render_facts(const Json& summary) {
  if (!summary.contains("facts") || !summary["facts"].is_object()) return {};
  std::string out;
  for (const auto& fact : summary["facts"].items())
    out += fmt::format("<div><dt>{}</dt><dd dir=\"auto\">{}</dd></div>\n", escape_html(fact.key()),
                       escape_html(plain(fact.value())));
  return out.empty() ? "" : "<dl class=\"facts\">" + out + "</dl>\n";
}

std::string render_warnings(const Json& summary) {
  if (!summary.contains("warnings") || !summary["warnings"].is_array()) return {};
  std::vector<std::string> texts;
  for (const Json& warning : summary["warnings"]) texts.push_back(plain(warning));
  return render_notes(texts);
}

std::string render_notes(const std::vector<std::string>& notes) {
  std::string out;
  for (const std::string& note : notes) out += "<li>" + escape_html(note) + "</li>\n";
  return out.empty() ? "" : "<ul class=\"notes\">" + out + "</ul>\n";
}

}  // namespace keel
