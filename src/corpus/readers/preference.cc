// Preference data. Pairs: chosen and rejected as texts (beside prompt, question or instruction), as messages
// (beside conversations or messages) or as whole lists of messages, also chosen_messages and
// rejected_messages. Labels: a row of any other schema with label true or false (KTO).
#include <fmt/format.h>

#include "corpus/readers/reader.h"

namespace keel {
namespace {

bool is_pair(const Json& row) { return has(row, "chosen") || has(row, "chosen_messages"); }

bool knows_preference(const Json& row) {
  if (is_pair(row)) return true;
  if (!has(row, "label") || !row["label"].is_boolean()) return false;
  return has(row, "messages") || has(row, "conversations") || has(row, "completion") || has(row, "response");
}

// Puts a row together that has this reply and no other, and reads it.
MaybeFault read_with(Json row, const Json& reply, const ChatTags& tags, Record& record) {
  for (const char* key : {"chosen", "rejected", "chosen_messages", "rejected_messages"}) row.erase(key);
  const char* list = has(row, "conversations") ? "conversations" : "messages";
  if (reply.is_array()) {
    row["messages"] = reply;
    return kOpenAiReader.read(row, tags, record);
  }
  if (reply.is_object() && has(row, list) && row[list].is_array()) {
    row[list].push_back(reply);
    const bool openai = has(reply, "role") && tags.role != "role";
    if (!openai) return kShareGptReader.read({{"conversations", row[list]}}, tags, record);
    row["messages"] = row[list];
    return kOpenAiReader.read(row, tags, record);
  }
  if (!reply.is_string()) return Fault{"", describe_value(reply), "a text, a message or a list of messages"};
  if (has(row, "instruction")) {
    row["output"] = reply;
    return kAlpacaReader.read(row, tags, record);
  }
  row["completion"] = reply;
  return kPromptReader.read(row, tags, record);
}

MaybeFault read_pair(const Json& row, const ChatTags& tags, Record& record) {
  const bool lists = has(row, "chosen_messages");
  const char* names[] = {lists ? "chosen_messages" : "chosen", lists ? "rejected_messages" : "rejected"};
  Record other;
  for (const char* name : names) {
    if (!has(row, name)) return Fault{name, "no such field", "a reply"};
    if (auto fault = read_with(row, row[name], tags, name == names[0] ? record : other)) {
      fault->field = fault->field.empty() ? name : fmt::format("{}: {}", name, fault->field);
      return fault;
    }
  }
  record.rejected = std::move(other.messages);
  return {};
}

MaybeFault read_preference(const Json& row, const ChatTags& tags, Record& record) {
  if (is_pair(row)) return read_pair(row, tags, record);
  const auto label = row.find("label");
  if (label == row.end() || !label->is_boolean())
    return Fault{"label", label == row.end() ? "no such field" : describe_value(*label), "true or false"};
  Json plain = row;
  plain.erase("label");
  for (const RowReader& reader : row_readers()) {
    if (!reader.knows(plain)) continue;
    if (auto fault = reader.read(plain, tags, record)) return fault;
    record.label = label->get<bool>();
    return {};
  }
  return Fault{"", describe_value(row), "a question and a reply beside the label"};
}

}  // namespace

const RowReader kPreferenceReader{"preference", "chosen, rejected", knows_preference, read_preference};

}  // namespace keel
