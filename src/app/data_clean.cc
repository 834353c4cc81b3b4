// keel data clean: what the check proposes, applied to a new file; the rows that are read stay as they are.
#include <fmt/format.h>

#include "app/data.h"
#include "app/data_subject.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "doctor/clean.h"
#include "doctor/wording.h"

namespace keel {
namespace {

struct CleanArgs {
  std::string output;
  bool overwrite = false;
  CleanOptions clean;
  DoctorOptions limits;

  template <class V>
  void fields(V& v) {
    v.group("output");
    v("output", output,
      "new JSONL file (OpenAI messages, or text); FILE.log.jsonl beside it tells every change");
    v("overwrite", overwrite, "replace an earlier output");
    clean.fields(v);
    limits.fields(v);
  }
};

fs::path log_of(const fs::path& output) { return fs::path(output).replace_extension(".log.jsonl"); }

bool same_file(const fs::path& a, const fs::path& b) {
  std::error_code ec;
  return fs::equivalent(a, b, ec);
}

void check_output(const CleanArgs& args) {
  if (args.output.empty())
    throw UserError({.where = "output", .found = "not given", .wanted = "a new file: --output clean.jsonl"});
  for (const fs::path& path : {fs::path(args.output), log_of(args.output)}) {
    if (fs::exists(path) && !args.overwrite)
      throw UserError({.where = "output",
                       .found = path.string() + " exists",
                       .wanted = "a new file",
                       .hint = "choose another name, or add --overwrite true"});
  }
}

void check_not_read(const fs::path& written, const RowSet& rows) {
  for (const Source& source : rows.sources) {
    for (const fs::path& read : source.files) {
      if (!same_file(read, written)) continue;
      throw UserError({.where = "output",
                       .found = written.string() + " is one of the files that are read",
                       .wanted = "another file: nothing is changed in place"});
    }
  }
}

void write_lines(const fs::path& path, const std::vector<Json>& rows) {
  PartFile file(path);
  for (const Json& row : rows) file.write(to_line(row) + "\n");
  file.commit();
}

void print_summary(const Cleaned& cleaned, const CleanArgs& args) {
  int64_t left_out = 0;
  for (const Change& c : cleaned.changes) left_out += c.what == "left out";
  fmt::print("{}: {} kept, {} left out, {} masked; every change is told in {}\n", args.output,
             counted(static_cast<int64_t>(cleaned.rows.size()), "row"), format_count(left_out),
             counted(cleaned.masked, "item"), log_of(args.output).string());
}

}  // namespace

int run_data_clean(Args args) {
  RunConfig config;
  CleanArgs options;
  if (!parse_data_options("data clean", "[CONFIG.yaml] --dataset FILE --output NEW.jsonl", config,
                          collect_fields(options), args))
    return 0;
  check_output(options);
  config.model.model_name_or_path.clear();  // nothing here needs tokens
  config.data.val_size = 0;                 // all rows are cleaned; what is held out is chosen afterwards
  const LoadedSubject loaded = load_subject(config, options.limits);
  for (const Side* side : {&loaded.subject.train, &loaded.subject.validation}) {
    check_not_read(options.output, side->rows);
    check_not_read(log_of(options.output), side->rows);
  }
  const Cleaned cleaned = clean(loaded.subject, options.clean);
  std::vector<Json> changes;
  for (const Change& c : cleaned.changes)
    changes.push_back({{"place", c.place}, {"what", c.what}, {"why", c.why}});
  write_lines(log_of(options.output), changes);
  write_lines(options.output, cleaned.rows);
  print_summary(cleaned, options);
  return 0;
}

}  // namespace keel
