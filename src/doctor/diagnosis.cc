#include "doctor/diagnosis.h"

#include <algorithm>

namespace keel {
namespace {

Json scripts_of(const SourceFacts& s) {
  Json out = Json::object();
  for (size_t i = 1; i < kScripts; ++i) {
    if (s.letters[i] > 0) out[script_name(static_cast<Script>(i))] = s.letters[i];
  }
  return out;
}

Json json_of(const std::vector<SourceFacts>& sources, bool tokenised) {
  Json out = Json::array();
  for (const SourceFacts& s : sources) {
    Json one{{"name", s.name},
             {"schema", s.schema},
             {"rows", s.rows},
             {"rejected", s.rejected},
             {"rejected_for", s.rejected_for},
             {"replies", s.replies},
             {"characters", s.characters}};
    if (tokenised) one.update({{"tokens", s.tokens}, {"supervised_tokens", s.supervised}});
    one["letters_by_script"] = scripts_of(s);
    out.push_back(std::move(one));
  }
  return out;
}

Json json_of(const Finding& f) {
  return {{"severity", severity_name(f.severity)},
          {"code", f.code},
          {"text", f.text},
          {"count", f.count},
          {"share", f.share},
          {"places", f.places},
          {"advice", f.advice}};
}

}  // namespace

const char* severity_name(Severity severity) {
  return severity == Severity::error ? "error" : severity == Severity::warning ? "warning" : "note";
}

int64_t Diagnosis::count(Severity severity) const {
  return std::ranges::count(findings, severity, &Finding::severity);
}

double planned_tokens(const Diagnosis& d) {
  int64_t tokens = 0, rows = 0;
  for (const SourceFacts& source : d.sources) {
    tokens += source.tokens;
    rows += source.rows;
  }
  if (!d.plan || rows == 0) return 0;
  return static_cast<double>(tokens) / static_cast<double>(rows) *
         static_cast<double>(d.plan->steps * d.plan->samples_per_step);
}

Json to_json(const Diagnosis& d) {
  Json findings = Json::array();
  for (const Finding& f : d.findings) findings.push_back(json_of(f));
  Json out{{"tokenised", d.tokenised},
           {"sources", json_of(d.sources, d.tokenised)},
           {"validation", json_of(d.validation, d.tokenised)},
           {"lengths",
            {{"unit", d.lengths.unit},
             {"up_to", d.lengths.up_to},
             {"rows", d.lengths.rows},
             {"median", d.lengths.median},
             {"p95", d.lengths.p95},
             {"longest", d.lengths.longest},
             {"cutoff_len", d.lengths.cutoff}}},
           {"plan", nullptr},
           {"errors", d.count(Severity::error)},
           {"warnings", d.count(Severity::warning)},
           {"notes", d.count(Severity::note)},
           {"findings", findings}};
  if (d.plan)
    out["plan"] = {{"samples", d.plan->samples},
                   {"samples_per_step", d.plan->samples_per_step},
                   {"steps_per_epoch", d.plan->steps_per_epoch},
                   {"epochs", d.plan->epochs},
                   {"steps", d.plan->steps}};
  if (d.speed)
    out["speed"] = {{"measured_steps", d.speed->steps},
                    {"tokens_per_s", d.speed->tokens_per_s},
                    {"memory_gb", d.speed->memory_gb},
                    {"seconds", d.speed->seconds}};
  return out;
}

}  // namespace keel
