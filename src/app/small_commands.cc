// import, report, options, version: a few lines each.
#include <fmt/format.h>

#include "app/commands.h"
#include "app/options_parse.h"
#include "app/session.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "checkpoint/hf_folder.h"
#include "config/help.h"
#include "report/html.h"

namespace keel {
namespace {

struct ImportOptions {
  std::string dtype = "fp32";

  template <class V>
  void fields(V& v) {
    v.group("import");
    v("dtype", dtype, "type of the written weights; quantised values are exact in fp32 only",
      {.choices = {"fp32", "bf16", "fp16"}});
  }
};

at::ScalarType scalar_type(const std::string& name) {
  return name == "bf16" ? at::kBFloat16 : name == "fp16" ? at::kHalf : at::kFloat;
}

}  // namespace

int run_import(Args args) {
  ImportOptions options;
  const auto parsed = parse_command("import", "MODEL.gguf OUT_FOLDER", options, args, 2, 2);
  if (!parsed) return 0;
  import_gguf(parsed->words[0], parsed->words[1], scalar_type(options.dtype));
  info("imported {} to {}", parsed->words[0], parsed->words[1]);
  return 0;
}

int run_report(Args args) {
  struct NoOptions {
    void fields(FieldCollector&) {}
  } options;
  const auto parsed = parse_command("report", "RUN_FOLDER", options, args, 1, 1);
  if (!parsed) return 0;
  write_report(parsed->words[0]);
  fmt::print("{}\n", (fs::path(parsed->words[0]) / "report.html").string());
  return 0;
}

int run_options(Args) {
  fmt::print("{}", options_markdown());
  return 0;
}

int run_version(Args) {
  const Json facts = version_facts();
  for (const auto& item : facts.items())
    fmt::print("{:12} {}\n", item.key(),
               item.value().is_string() ? item.value().get<std::string>() : item.value().dump());
  return 0;
}

}  // namespace keel
