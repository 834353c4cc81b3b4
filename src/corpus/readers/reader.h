// What a reader of one schema is, and what readers share. A new schema: one file here, one line in
// registry.cc.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "corpus/corpus.h"
#include "corpus/record.h"
#include "corpus/rows.h"

namespace keel {

using MaybeFault = std::optional<Fault>;

struct RowReader {
  const char* name;
  const char* fields;              // for messages: the fields that make a row of this schema
  bool (*knows)(const Json& row);  // by its fields alone
  MaybeFault (*read)(const Json& row, const ChatTags& tags, Record& record);
};

// In the order in which they are tried.
std::span<const RowReader> row_readers();

extern const RowReader kPreferenceReader, kOpenAiReader, kShareGptReader, kAlpacaReader, kPromptReader,
    kDialogueReader, kSpeakersReader, kTextReader;

// "the number 12", "null", "an empty text", "the text \"…\"", "a list of 3", "an object with a, b".
std::string describe_value(const Json& value);

// A text field of the object at `path` (the row's own is ""). take_text: absent is a fault; take_optional:
// absent or null leaves `out` empty.
MaybeFault take_text(const Json& object, std::string_view key, std::string_view path, std::string& out);
MaybeFault take_optional(const Json& object, std::string_view key, std::string_view path, std::string& out);

std::string element_path(std::string_view list, size_t i);  // "messages[3]"

bool has(const Json& row, const char* key);
bool is_blank(std::string_view text);

Json message_of(const char* role, std::string content);
// Appends such a message; an empty system text adds nothing.
void add_message(Json& messages, const char* role, std::string content);

// {"name", "arguments"} (object, or text holding one), or a list of them, as OpenAI's tool_calls.
MaybeFault take_tool_calls(const Json& calls, const std::string& path, Json& out);
// A list of tools, or a JSON text of one; {name, …} is wrapped as {type: "function", function: …}. "" and
// null are none.
MaybeFault take_tools(const Json& row, Json& out);

// The conversation's rules (record.h). Trailing messages without an answer are dropped. field: of the
// messages in the row, for faults.
MaybeFault finish_conversation(Json messages, const std::string& field, Record& record);

}  // namespace keel
