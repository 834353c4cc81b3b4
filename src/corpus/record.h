// One row of a corpus, whatever file and schema it came from.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"

namespace keel {

struct Record {
  Json messages = Json::array();  // OpenAI form: {role, content, …}; empty for plain text
  Json tools;                     // null when there are none
  std::string text;               // plain text (cpt)
  double weight = 1.0;            // user weight of the row
  std::string place;              // "file:line" or "file[index]", for messages
};

// A row that could not be read: counted, written to rejected.jsonl, never an exception.
struct Rejection {
  std::string place, field, found, wanted;
};

}  // namespace keel
