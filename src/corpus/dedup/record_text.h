// What of a row is compared when texts are looked for that are nearly the same.
#pragma once

#include <string>

#include "corpus/record.h"

namespace keel {

// What is said in the row: the contents, reasoning and tool calls of all messages but the system message
// (which many rows share), or the plain text. Tool definitions are left out.
std::string record_text(const Record& record);

}  // namespace keel
