// keel data clean: what the check proposes, applied to a new file; the rows that are read stay as they are.
#include <fmt/format.h>

#include "app/data.h"
#include "app/data_output.h"
#include "app/data_subject.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "doctor/clean.h"
#include "doctor/wording.h"

namespace keel {
namespace {

struct CleanArgs {
  NewRowsOptions rows;
  CleanOptions clean;
  DoctorOptions limits;

  template <class V>
  void fields(V& v) {
    rows.fields(v);
    clean.fields(v);
    limits.fields(v);
  }
};

void print_summary(const Cleaned& cleaned, const CleanArgs& args) {
  int64_t left_out = 0;
  for (const Change& c : cleaned.changes) left_out += c.what == "left out";
  fmt::print("{}: {} kept, {} left out, {} masked; every change is told in {}\n", args.rows.output,
             counted(static_cast<int64_t>(cleaned.rows.size()), "row"), format_count(left_out),
             counted(cleaned.masked, "item"), log_of_rows(args.rows.output).string());
}

}  // namespace

int run_data_clean(Args args) {
  RunConfig config;
  CleanArgs options;
  if (!parse_data_options("data clean", "[CONFIG.yaml] --dataset FILE --output NEW.jsonl", config,
                          collect_fields(options), args))
    return 0;
  check_new_rows(options.rows);
  config.model.model_name_or_path.clear();  // nothing here needs tokens
  config.data.val_size = 0;                 // all rows are cleaned; what is held out is chosen afterwards
  const LoadedSubject loaded = load_subject(config, options.limits);
  for (const Side* side : {&loaded.subject.train, &loaded.subject.validation})
    check_not_read(options.rows.output, side->rows);
  const Cleaned cleaned = clean(loaded.subject, options.clean);
  std::vector<Json> changes;
  for (const Change& c : cleaned.changes)
    changes.push_back({{"place", c.place}, {"what", c.what}, {"why", c.why}});
  write_lines(log_of_rows(options.rows.output), changes);
  write_lines(options.rows.output, cleaned.rows);
  print_summary(cleaned, options);
  return 0;
}

}  // namespace keel
