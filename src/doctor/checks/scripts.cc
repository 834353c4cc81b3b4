// Replies in another script than the question. Not always wrong (translation), so it is a note.
#include <fmt/format.h>

#include "corpus/dedup/script_count.h"
#include "doctor/checks.h"
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
  Finding f = about_rows(subject.train.rows, rows);
  f.code = "script_changes";
  f.text = fmt::format("{} ({}) {} answered in another script than the question.", counted(f.count, "row"),
                       percent(f.share), verb(f.count, "is", "are"));
  f.advice = "right for translation and code; otherwise the model learns to change the language";
  out.push_back(std::move(f));
}

}  // namespace keel
