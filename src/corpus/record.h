// One row of a corpus, whatever file and schema it came from.
#pragma once

#include <optional>
#include <string>

#include "base/json.h"

namespace keel {

// A chat has messages, a plain text has text, never both.
//
// Messages are in OpenAI's form and already checked: a system message first or nowhere, then user (or tool)
// and assistant in turn, the last one from the assistant; contents are text. Keys: role, content, and where
// given reasoning_content, tool_calls (arguments as objects), name, tool_call_id, and on assistant messages
// `weight` (a number; absent: 1), which encoding takes out before a template sees the message.
struct Record {
  Json messages = Json::array();
  Json tools;           // null when there are none; else a list of {type: "function", function: …}
  std::string text;     // plain text (cpt)
  double weight = 1.0;  // user weight of the row
  double order = 0;     // the number in the field that the spec's order_by names
  // Preference data, never to be imitated as it stands: the conversation with the worse reply of a pair
  // (messages has the better one; else null), or whether the reply is a good one.
  Json rejected;
  std::optional<bool> label;
  std::string place;  // "file:line", for messages
};

}  // namespace keel
