// keel data preview: the first rows as the tokens that a run would train on.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "app/data.h"
#include "app/data_subject.h"
#include "app/token_view.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/utf8.h"
#include "report/html_escape.h"
#include "report/page.h"

namespace keel {
namespace {

struct PreviewOptions {
  int64_t rows = 5;
  std::string html;

  template <class V>
  void fields(V& v) {
    v.group("output");
    v("rows", rows, "rows of each file that are shown", {.min = 1});
    v("html", html, "file for the same as a page");
  }
};

struct Preview {
  std::vector<std::vector<TokenPiece>> rows;
  std::vector<std::string> heads;  // of each row
  std::vector<std::string> refused;
  std::string summary;
};

constexpr std::string_view kStyle = R"(
:root{color-scheme:light dark;--fg:#1b1f24;--bg:#fff;--c:#6b7280;--t:#b7e4c7;--tf:#0b3d1e;--e:#c2185b;--line:#d0d7de}
@media(prefers-color-scheme:dark){:root{--fg:#e6edf3;--bg:#0d1117;--c:#9aa4af;--t:#1d4d2f;--tf:#d7f5e0;--e:#d81b60;
--line:#30363d}}
body{font:15px/1.6 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:70rem;margin:2rem auto;
padding:0 1rem}
pre{font:14px/1.7 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere;border:1px solid var(--line);
border-radius:6px;padding:.8rem}
h2{font-size:1rem;margin:1.6rem 0 .4rem}
.c{color:var(--c)}.t{background:var(--t);color:var(--tf)}.e{background:var(--e);color:#fff}
.t,.e{border-radius:2px;box-shadow:inset 1px 0 0 var(--bg)}
)";

// The run's own data options, with nothing held out and bad rows shown instead of stopping the reading.
DataOptions first_rows(DataOptions data, int64_t rows) {
  data.max_samples = data.max_samples > 0 ? std::min(data.max_samples, rows) : rows;
  data.max_rejected = 1;
  data.strict = false;
  data.packing = false;
  data.dataset_prepared_path = "none";
  data.val_size = 0;
  data.eval_dataset.clear();
  data.general_dataset.clear();
  return data;
}

Preview make_preview(const RunConfig& config, int64_t rows) {
  const TextModel model = load_text_model(text_options(config));
  const DataOptions options = first_rows(config.data, rows);
  Preview preview;
  const RejectionSink note = [&](const Rejection& r) {
    preview.refused.push_back(visible(fmt::format("{} ({})", sentence(r), r.place)));
  };
  try {
    const TrainingSets sets = load_training_sets({.options = options,
                                                  .tokenizer = model.tokenizer,
                                                  .chat_template = model.chat_template,
                                                  .stage = parse_stage(config.train.stage),
                                                  .rejected = note});
    for (const Example& e : sets.train.examples) {
      preview.heads.push_back(token_counts(e));
      preview.rows.push_back(token_pieces(e, model.tokenizer));
    }
    preview.summary = describe(sets.train.stats);
  } catch (const UserError&) {
    if (preview.refused.empty()) throw;  // else the reasons are what the user came for
    preview.summary = "no row is trained";
  }
  return preview;
}

void print(const Preview& preview) {
  const char* no_colour = std::getenv("NO_COLOR");
  const bool colour = ::isatty(STDOUT_FILENO) != 0 && (no_colour == nullptr || *no_colour == '\0');
  fmt::print("{}\n", terminal_legend(colour));
  for (size_t i = 0; i < preview.rows.size(); ++i)
    fmt::print("\nrow {} · {}\n{}\n", i + 1, for_terminal(preview.heads[i]),
               terminal_view(preview.rows[i], colour));
  for (const std::string& refused : preview.refused) fmt::print("\nnot trained: {}\n", for_terminal(refused));
  fmt::print("\n{}\n", preview.summary);
}

std::string html_page(const Preview& preview) {
  std::string out =
      page_head("keel data preview", kStyle) +
      fmt::format(
          "<body>\n<h1>What is trained</h1>\n<p><span class=\"c\">context</span> "
          "<span class=\"t\">trained</span> <span class=\"e\">end of turn</span></p>\n<p>{}</p>\n",
          escape_html(preview.summary));
  for (size_t i = 0; i < preview.rows.size(); ++i)
    out += fmt::format("<h2>row {} · {}</h2>\n<pre>{}</pre>\n", i + 1, escape_html(visible(preview.heads[i])),
                       html_view(preview.rows[i]));
  if (!preview.refused.empty()) out += "<h2>Not trained</h2>\n<ul>\n";
  for (const std::string& refused : preview.refused)
    out += fmt::format("<li>{}</li>\n", escape_html(refused));
  return out + (preview.refused.empty() ? "" : "</ul>\n") + "</body>\n</html>\n";
}

}  // namespace

int run_data_preview(Args args) {
  RunConfig config;
  PreviewOptions options;
  if (!parse_data_options("data preview", "[CONFIG.yaml] --dataset FILE --model_name_or_path DIR [--rows N]",
                          config, collect_fields(options), args))
    return 0;
  check_model_given(config);
  const Preview preview = make_preview(config, options.rows);
  if (!options.html.empty()) write_file(options.html, html_page(preview));
  print(preview);
  return preview.rows.empty() ? 1 : 0;
}

}  // namespace keel
