// keel data check: what a run would train on, and what is wrong with it.
#include <fmt/format.h>

#include "app/data.h"
#include "app/data_subject.h"
#include "app/speed_trial.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/utf8.h"
#include "doctor/diagnose.h"
#include "doctor/html_page.h"
#include "doctor/text_page.h"

namespace keel {
namespace {

struct CheckOptions {
  std::string json, html;
  int64_t measure_steps = 0;
  DoctorOptions limits;

  template <class V>
  void fields(V& v) {
    v.group("output");
    v("json", json, "file for the findings, for machines");
    v("html", html, "file for the page with histograms");
    v("measure_steps", measure_steps,
      "training steps to try, so that the check tells how long the run takes and how much memory; 0: none",
      {.min = 0});
    limits.fields(v);
  }
};

void check_can_measure(const Diagnosis& diagnosis) {
  if (diagnosis.plan) return;
  throw UserError({.where = "measure_steps",
                   .found = diagnosis.tokenised
                                ? "token_batch, with which the steps are not known before the run"
                                : "no model_name_or_path",
                   .wanted = "a model, and steps of whole samples"});
}

}  // namespace

int run_data_check(Args args) {
  RunConfig config;
  CheckOptions options;
  if (!parse_data_options("data check", "[CONFIG.yaml] --dataset FILE [--model_name_or_path DIR]", config,
                          collect_fields(options), args))
    return 0;
  const LoadedSubject loaded = load_subject(config, options.limits);
  Diagnosis diagnosis = diagnose(loaded.subject);
  if (options.measure_steps > 0) {
    check_can_measure(diagnosis);
    diagnosis.speed = try_steps(config, options.measure_steps, diagnosis);
  }
  if (!options.json.empty())
    write_file(options.json, to_json(diagnosis).dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  if (!options.html.empty()) write_file(options.html, html_page(diagnosis));
  fmt::print("{}", for_terminal(text_page(diagnosis)));
  return diagnosis.count(Severity::error) > 0 ? 1 : 0;
}

}  // namespace keel
