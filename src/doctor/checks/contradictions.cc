// The same conversation so far, different replies. Wrong for facts and labels, fine for open questions: so it
// is told, not mended.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "base/hash.h"
#include "doctor/checks.h"
#include "doctor/wording.h"

namespace keel {
namespace {

struct Answers {
  std::vector<uint32_t> rows;
  uint64_t first = 0;
  bool differ = false;
};

// Every assistant turn by all that stands before it.
std::unordered_map<uint64_t, Answers> answers_by_prompt(const RowSet& set) {
  std::unordered_map<uint64_t, Answers> found;
  for (uint32_t i = 0; i < set.records.size(); ++i) {
    uint64_t before = hash64(set.records[i].tools.dump());
    for (const Json& message : set.records[i].messages) {
      Json said = message;
      said.erase("weight");
      const uint64_t own = hash64(said.dump());
      if (message["role"] == "assistant") {
        Answers& answers = found[before];
        if (answers.rows.empty()) answers.first = own;
        answers.differ = answers.differ || own != answers.first;
        if (answers.rows.empty() || answers.rows.back() != i) answers.rows.push_back(i);
      }
      before = hash64(to_hex(before) + to_hex(own));
    }
  }
  return found;
}

}  // namespace

void check_contradictions(const Subject& subject, Findings& out) {
  const RowSet& set = subject.train.rows;
  std::vector<const Answers*> prompts;
  const auto found = answers_by_prompt(set);
  for (const auto& [prompt, answers] : found) {
    if (answers.differ) prompts.push_back(&answers);
  }
  if (prompts.empty()) return;
  std::ranges::sort(prompts, {}, [](const Answers* a) { return a->rows; });
  std::vector<uint32_t> rows;
  std::vector<std::string> places;
  for (const Answers* a : prompts) {
    rows.insert(rows.end(), a->rows.begin(), a->rows.end());
    if (places.size() < 3 && a->rows.size() > 1)
      places.push_back(set.records[a->rows[0]].place + " ≠ " + set.records[a->rows[1]].place);
  }
  std::ranges::sort(rows);
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  Finding f = about_rows(set, rows);
  f.severity = f.share > 0.01 ? Severity::warning : Severity::note;
  f.code = "contradictions";
  f.text = fmt::format("{} ({}) answer {} that other rows answer differently.", counted(f.count, "row"),
                       percent(f.share), counted(static_cast<int64_t>(prompts.size()), "prompt"));
  f.places = std::move(places);
  f.advice = "decide which answer is right, or say in the prompt what tells them apart";
  out.push_back(std::move(f));
}

}  // namespace keel
