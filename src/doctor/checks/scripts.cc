// Replies in another script than the question. Not always wrong (translation), so it is a note.
#include <fmt/format.h>

#include "doctor/checks.h"
#include "doctor/script_count.h"
#include "doctor/wording.h"

namespace keel {
namespace {

Script script_of_role(const Record& record, std::string_view role) {
  ScriptCount count{};
  for (const Json& message : record.messages) {
    if (message["role"] == role && message["content"].is_string())
      count_scripts(message["content"].get_ref<const std::string&>(), count);
  }
  return main_script(count);
}

}  // namespace

void check_scripts(const Subject& subject, Findings& out) {
  std::vector<uint32_t> rows;
  for (uint32_t i = 0; i < subject.train.rows.records.size(); ++i) {
    const Record& record = subject.train.rows.records[i];
    const Script asked = script_of_role(record, "user"), answered = script_of_role(record, "assistant");
    if (asked != Script::none && answered != Script::none && asked != answered) rows.push_back(i);
  }
  if (rows.empty()) return;
  const auto count = static_cast<int64_t>(rows.size());
  out.push_back(
      {.code = "script_changes",
       .text = fmt::format("{} ({}) {} answered in another script than the question.", counted(count, "row"),
                           percent(share_of(count, static_cast<int64_t>(subject.train.rows.records.size()))),
                           verb(count, "is", "are")),
       .count = count,
       .share = share_of(count, static_cast<int64_t>(subject.train.rows.records.size())),
       .places = places_of(subject.train.rows, rows),
       .advice = "right for translation and code; otherwise the model learns to change the language"});
}

}  // namespace keel
