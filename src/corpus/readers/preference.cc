// Preference data, recognised so that it is never taken for chats: pairs (chosen, rejected), or replies with
// a label that says good or bad.
#include <fmt/format.h>

#include "corpus/readers/reader.h"

namespace keel {
namespace {

bool knows(const Json& row) {
  if (has(row, "chosen") || has(row, "chosen_messages")) return true;
  return has(row, "label") && row["label"].is_boolean() && (has(row, "messages") || has(row, "completion"));
}

MaybeFault read(const Json& row, const ChatTags&, Record&) {
  const char* what = has(row, "label") ? "a reply with a label" : "a pair of chosen and rejected replies";
  return Fault{"", fmt::format("preference data ({})", what),
               "replies to imitate; preference data is not supported yet"};
}

}  // namespace

const RowReader kPreferenceReader{"preference", "chosen, rejected", knows, read};

}  // namespace keel
