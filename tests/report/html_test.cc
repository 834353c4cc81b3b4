#include "report/html.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/utf8.h"
#include "report/html_escape.h"
#include "support/error_of.h"
#include "support/paths.h"

namespace keel {
namespace {

using test::TempDir;
using testing::HasSubstr;
using testing::Not;

size_t count(const std::string& text, std::string_view piece) {
  size_t n = 0;
  for (size_t at = text.find(piece); at != std::string::npos; at = text.find(piece, at + 1)) ++n;
  return n;
}

std::string page_of(const fs::path& dir) {
  write_report(dir);
  return read_text(dir / "report.html");
}

std::string metrics(int steps, double loss = 2) {
  std::string out;
  for (int s = 1; s <= steps; ++s) {
    out += fmt::format(
        "{{\"step\":{},\"loss\":{},\"learning_rate\":1e-5,\"grad_norm\":1.5,\"entropy\":1.25,\"tokens_per_"
        "s\":300,"
        "\"zone_tokens\":[0.5,0.25,0.125,0.125],\"zone_weight\":[8,4,2,2]}}\n",
        s, loss + 1.0 / s);
    if (s % 10 == 0)
      out += fmt::format("{{\"step\":{},\"eval_loss\":{},\"general_loss\":3.125}}\n", s, 1.5 - 0.001 * s);
  }
  return out;
}

TEST(Escape, MarkupQuotesAndControls) {
  EXPECT_EQ(escape_html("<script>alert(\"x\" & 'y')</script>"),
            "&lt;script&gt;alert(&quot;x&quot; &amp; &#39;y&#39;)&lt;/script&gt;");
  EXPECT_EQ(escape_html("港口 84 kr\n\tok"), "港口 84 kr\n\tok");
  EXPECT_EQ(escape_html(std::string_view("a\0b\x1b\x7f", 5)), "a\uFFFDb\uFFFD\uFFFD");
  EXPECT_EQ(escape_html("\xff<"), "\uFFFD&lt;");
}

TEST(Escape, LongTextsAreCutBetweenCharacters) {
  EXPECT_EQ(shorten("港口港口", 4), "港口港口");
  EXPECT_EQ(shorten("港口港口", 3), "港口港… (1 more characters)");
}

TEST(Report, ShadesTheTokensOfRepliesByTheirLoss) {
  TempDir dir;
  write_file(dir / "metrics.jsonl", metrics(4));
  write_file(dir / "summary.json", R"({"samples":[{"prompt":"P","reference":"a<b","answers":[],"tokens":{
    "text":["a","<","b","c"],"readings":[
      {"name":"before","nll":[2.5,0.05,7,null],"entropy":[1,2,3,null],"weight":[0.5,1,0.25,null]},
      {"name":"after","nll":[0.2,0.1,3.25,1],"entropy":[1,2,3,4],"weight":[]}]}}]})");
  const std::string page = page_of(dir.path());
  EXPECT_THAT(page, HasSubstr("<span class=\"s3\" title=\"loss 2.50 (probability 8.21 %), weight 0.50, "
                              "entropy 1.00\">a</span><span class=\"s0\" title=\"loss 0.05"));
  EXPECT_THAT(page, HasSubstr(">&lt;</span><span class=\"s5\" title=\"loss 7.00"));
  EXPECT_THAT(page, HasSubstr("<span class=\"s5\" title=\"loss –, weight –, entropy –\">c</span>"));
  EXPECT_THAT(page, HasSubstr("<span class=\"s1\" title=\"loss 0.20 (probability 81.9 %), entropy 1.00\">a"));
  EXPECT_THAT(page, HasSubstr("mean 1.14; highest “b” 3.25, “c” 1.00, “a” 0.20"));
}

TEST(Report, ShowsEveryPartOfTheSummary) {
  TempDir dir;
  write_file(dir / "metrics.jsonl", metrics(40));
  write_file(dir / "config.yaml", "seed: 1 # <b>\n");
  write_file(dir / "summary.json", R"({"title":"T","verdict":"V & W","command":"keel train a.yaml --seed 1",
    "facts":{"seed":17,"speed":312.44,"on":true,"none":null,"list":[1,"b"]},
    "tables":[{"title":"Before and after","columns":["measure","before","after"],
               "rows":[["loss",3.4125,"1.36"],["words","good","bad"]],"note":"N"}],
    "samples":[{"prompt":"P","reference":"R","answers":[{"name":"before","text":"A","right":false},
                                                         {"name":"after","text":"B","right":true}]}]})");
  const std::string page = page_of(dir.path());
  EXPECT_THAT(page, HasSubstr("<html lang=\"en\">"));
  EXPECT_THAT(page, HasSubstr("<h1 dir=\"auto\">T</h1>"));
  EXPECT_THAT(page, HasSubstr("V &amp; W"));
  EXPECT_LT(page.find("V &amp; W"), page.find("<h2"));  // the verdict stands on top
  EXPECT_THAT(page, HasSubstr("<caption><span>Before and after</span></caption>"));
  EXPECT_THAT(page, HasSubstr("<th scope=\"col\">before</th>"));
  EXPECT_THAT(page, HasSubstr("<th scope=\"row\" dir=\"auto\">loss</th><td dir=\"auto\">3.413</td>"));
  EXPECT_THAT(page, HasSubstr("✗ wrong"));
  EXPECT_THAT(page, HasSubstr("✓ right"));
  EXPECT_THAT(page, HasSubstr("<dt>speed</dt><dd dir=\"auto\">312.4</dd>"));
  EXPECT_THAT(page, HasSubstr("<dt>list</dt><dd dir=\"auto\">1, b</dd>"));
  EXPECT_THAT(page, HasSubstr("<span>keel</span> <span>train</span> <span>a.yaml</span>"));
  EXPECT_THAT(page, HasSubstr("<summary>config.yaml</summary>"));
  EXPECT_THAT(page, HasSubstr("seed: 1 # &lt;b&gt;"));
  EXPECT_THAT(page, Not(HasSubstr("id=\"notes\"")));
}

TEST(Report, WarningsStandBeforeTheResults) {
  TempDir dir;
  write_file(dir / "metrics.jsonl", metrics(4));
  write_file(dir / "summary.json", R"({"warnings":["step 3: a spike\n  likely: <rows>", 7],
    "tables":[{"title":"Before and after","columns":["a"],"rows":[["b"]]}]})");
  const std::string page = page_of(dir.path());
  EXPECT_THAT(page, HasSubstr("<li>step 3: a spike\n  likely: &lt;rows&gt;</li>\n<li>7</li>"));
  EXPECT_LT(page.find("id=\"warnings\""), page.find("id=\"results\""));
  write_file(dir / "summary.json", R"({"warnings":[]})");
  EXPECT_THAT(page_of(dir.path()), Not(HasSubstr("id=\"warnings\"")));
}

TEST(Report, DrawsAllCurvesOfARun) {
  TempDir dir;
  write_file(dir / "metrics.jsonl", metrics(40));
  const std::string page = page_of(dir.path());
  for (const char* id :
       {"chart-loss", "chart-validation", "chart-learning_rate", "chart-grad_norm", "chart-tokens_per_s",
        "chart-entropy", "chart-zones-tokens-0", "chart-zones-weight-0"})
    EXPECT_EQ(count(page, fmt::format("<title id=\"{}-t\">", id)), 1u) << id;
  EXPECT_THAT(page, HasSubstr("domain: from 1.49 at step 10 to 1.46 at step 40, lowest 1.46 at step 40."));
  EXPECT_THAT(page, HasSubstr("≥ 15: 12.5 %"));  // weights 8, 4, 2, 2 become shares
  EXPECT_THAT(page, HasSubstr("No summary: this run has not finished"));
  EXPECT_THAT(page, HasSubstr("<td class=\"n\" dir=\"auto\">1.460</td>"));  // the best evaluation
}

TEST(Report, OverlaysArmsUnderTheirFoldersNames) {
  TempDir dir;
  write_file(dir / "plain <sft>/metrics.jsonl", metrics(20, 2));
  write_file(dir / "nlirg/metrics.jsonl", metrics(20, 3));
  write_file(dir / "half.part/metrics.jsonl", metrics(20, 9));
  write_file(dir / "nlirg/config.yaml", "a: 1\n");
  const std::string page = page_of(dir.path());
  EXPECT_THAT(page, HasSubstr("Training loss, smoothed"));
  EXPECT_THAT(page, HasSubstr("<bdi>nlirg</bdi>"));
  EXPECT_THAT(page, HasSubstr("<bdi>plain &lt;sft&gt;</bdi>"));
  EXPECT_THAT(page, HasSubstr("Share of tokens per loss zone: nlirg"));
  EXPECT_THAT(page, HasSubstr("<summary>nlirg/config.yaml</summary>"));
  EXPECT_THAT(page, Not(HasSubstr("half")));
}

TEST(Report, MonitorsHaveTwoCharts) {
  TempDir dir;
  std::string rows;
  for (int s = 0; s <= 2; ++s)
    rows += fmt::format(
        "{{\"step\":{0},\"eval_loss\":1,\"kl_domain\":{1},\"kl_general\":0.5,\"rep4\":0.25,\"end_of_turn\":1,"
        "\"copied\":0}}\n",
        s, 0.1 * s);
  write_file(dir / "metrics.jsonl", rows);
  const std::string page = page_of(dir.path());
  EXPECT_EQ(count(page, "<title id=\"chart-distance-t\">"), 1u);
  EXPECT_THAT(page, HasSubstr("domain: from 0 at step 0 to 0.2 at step 2"));
  EXPECT_EQ(count(page, "<title id=\"chart-answers-t\">"), 1u);
  EXPECT_THAT(page, HasSubstr("end by themselves: "));
  EXPECT_THAT(page, Not(HasSubstr("its own text")));
}

TEST(Report, EachSourceHasACurve) {
  TempDir dir;
  const auto rows = [](double loss) {
    std::string out;
    for (int s = 1; s <= 3; ++s)
      out += fmt::format(
          "{{\"step\":{0},\"eval_loss\":1,\"eval_loss/data/law & co.jsonl\":{1},\"eval_loss/chat\":2}}\n", s,
          loss / s);
    return out;
  };
  write_file(dir / "metrics.jsonl", rows(3));
  std::string page = page_of(dir.path());
  EXPECT_EQ(count(page, "<title id=\"chart-sources-t\">"), 1u);
  EXPECT_THAT(page, HasSubstr("Validation loss by source"));
  EXPECT_THAT(page, HasSubstr("data/law &amp; co.jsonl: from 3 at step 1 to 1 at step 3"));
  EXPECT_THAT(page, HasSubstr("chat: from 2 at step 1"));
  EXPECT_THAT(page, HasSubstr("<th scope=\"row\" dir=\"auto\">data/law &amp; co.jsonl</th>"));
  fs::rename(dir / "metrics.jsonl", (make_folders(dir / "a"), dir / "a/metrics.jsonl"));
  make_folders(dir / "b");
  write_file(dir / "b/metrics.jsonl", rows(6));
  page = page_of(dir.path());
  EXPECT_EQ(count(page, "<title id=\"chart-source-1-t\">"), 1u);
  EXPECT_THAT(page, HasSubstr("Validation loss, data/law &amp; co.jsonl"));
  EXPECT_THAT(page, HasSubstr("b: from 6 at step 1 to 2 at step 3"));
}

TEST(Report, HostileTextStaysText) {
  const std::string evil = "<script>alert('x')</script>\"&港口";
  const Json summary{{"title", evil},
                     {"verdict", evil},
                     {"command", evil + " " + evil},
                     {"facts", {{evil, evil}}},
                     {"tables",
                      {{{"title", evil},
                        {"columns", {evil}},
                        {"rows", Json::array({Json::array({evil, evil})})},
                        {"note", evil}}}},
                     {"samples",
                      {{{"prompt", evil},
                        {"reference", evil},
                        {"answers", {{{"name", evil}, {"text", evil}, {"right", true}}}}}}}};
  TempDir dir;
  std::string text = to_line(summary);
  text[text.find("港")] = '\xff';  // and not even UTF-8
  write_file(dir / "summary.json", text);
  write_file(dir / "config.yaml", evil);
  write_file(dir / "arm/metrics.jsonl", "{\"step\":1,\"loss\":1}\n");
  const std::string page = page_of(dir.path());
  EXPECT_EQ(count(page, "<script"), 0u);
  EXPECT_EQ(count(page, "&lt;script&gt;"), 18u);
  // none was lost: 2 titles, verdict, caption and label, 3 cells, note, 4 of the sample, 2 of the fact, 2
  // words of the command, config
  EXPECT_EQ(repair_utf8(page), page);
}

TEST(Report, AsksNothingOfTheOutside) {
  TempDir dir;
  write_file(dir / "metrics.jsonl", metrics(20));
  const std::string page = page_of(dir.path());
  for (const char* piece :
       {"http:", "https:", "<script", "<link rel=\"stylesheet", "@import", "url(", "src="})
    EXPECT_EQ(count(page, piece), 0u) << piece;
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
}

TEST(Report, BrokenLinesAndNonFiniteValuesBecomeNotes) {
  TempDir dir;
  write_file(
      dir / "metrics.jsonl",
      "{\"step\":1,\"loss\":2}\n\n{\"step\":2,\"loss\":\"NaN\"}\n{\"step\":3,\"loss\":1}\n{\"step\":4,\"lo");
  const std::string page = page_of(dir.path());
  EXPECT_THAT(page, HasSubstr("metrics.jsonl: skipped 1 broken line (the first is line 5)"));
  EXPECT_THAT(page,
              HasSubstr("1 value is not finite and left out of the curves (the first is loss at step 2)"));
  EXPECT_THAT(page, HasSubstr("each step: from 2 at step 1 to 1 at step 3"));
}

TEST(Report, ResumedRunReplacesTheStepsItRepeats) {
  TempDir dir;
  write_file(
      dir / "metrics.jsonl",
      "{\"step\":1,\"loss\":9}\n{\"step\":2,\"loss\":8}\n{\"step\":3,\"loss\":7}\n{\"step\":2,\"loss\":5}\n");
  EXPECT_THAT(page_of(dir.path()), HasSubstr("each step: from 9 at step 1 to 5 at step 2"));
}

TEST(Report, UnexpectedShapesAreNoErrors) {
  TempDir dir;
  write_file(dir / "summary.json", R"({"title":5,"tables":[1,{"rows":7},{"rows":[[],3,["a",{"b":1}]]}],
    "samples":[null,{"answers":[1,{"right":"yes"}]}],"facts":[1],"command":null})");
  write_file(dir / "metrics.jsonl",
             "[]\n7\n{\"step\":\"x\"}\n{\"step\":1,\"zone_tokens\":[0,0,0,0],\"loss\":1}\n");
  const std::string page = page_of(dir.path());
  EXPECT_THAT(page, HasSubstr("<h1 dir=\"auto\">5</h1>"));
  EXPECT_THAT(page, HasSubstr("{&quot;b&quot;:1}"));
  EXPECT_THAT(page, HasSubstr("skipped 3 broken lines (the first is line 1)"));
}

TEST(Report, ManySamplesAreFoldedThenCut) {
  Json samples = Json::array();
  for (int i = 0; i < 250; ++i) samples.push_back({{"prompt", fmt::format("question {}", i)}});
  TempDir dir;
  write_file(dir / "summary.json", to_line({{"samples", samples}}));
  const std::string page = page_of(dir.path());
  EXPECT_THAT(page, HasSubstr("<summary>194 more samples</summary>"));
  EXPECT_THAT(page, HasSubstr("The first 200 of 250 samples."));
  EXPECT_EQ(count(page, "<article"), 200u);
  EXPECT_EQ(count(page, "<details>"), count(page, "</details>"));
}

TEST(Report, LongRunStaysASmallPage) {
  TempDir dir;
  for (const char* arm : {"a", "b", "c"}) write_file(dir / arm / "metrics.jsonl", metrics(20000));
  EXPECT_LT(page_of(dir.path()).size(), 1'000'000u);  // thinned, so 100,000 steps make no larger page
}

std::string refusal(const fs::path& dir) {
  return test::error_of([&] { write_report(dir); });
}

TEST(Report, RefusesWhatIsNoRunFolder) {
  TempDir dir;
  EXPECT_EQ(refusal(dir.path()), dir.path().string() +
                                     ": holds neither summary.json nor metrics.jsonl\n"
                                     "  wanted: a run folder: one with summary.json or metrics.jsonl, or "
                                     "with sub-folders that have one\n"
                                     "  try:    give the output_dir of a run");
  EXPECT_THAT(refusal(dir / "nowhere"), HasSubstr("nowhere: no such folder"));
  write_file(dir / "file", "x");
  EXPECT_THAT(refusal(dir / "file"), HasSubstr("file: not a folder"));
  EXPECT_FALSE(fs::exists(dir / "report.html"));
}

TEST(Report, BrokenSummaryIsNamed) {
  TempDir dir;
  write_file(dir / "summary.json", "{");
  EXPECT_THAT(refusal(dir.path()), HasSubstr("summary.json: not valid JSON"));
  write_file(dir / "summary.json", "[]");
  EXPECT_THAT(refusal(dir.path()), HasSubstr("summary.json: its top level is of type array"));
  EXPECT_FALSE(fs::exists(dir / "report.html"));
}

}  // namespace
}  // namespace keel
