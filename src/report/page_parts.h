// The parts of report.html that come from summary.json. Each takes what it finds: a value of an unexpected
// type is shown as JSON or left out, never an error, and a part without content is "".
#pragma once

#include <string>

#include "report/run_folder.h"

namespace keel {

std::string text_of(const Json& object, const std::string& key);  // "" when missing; other types as JSON
const Json& list_of(const Json& object, const std::string& key);  // an empty one when missing

std::string render_tables(const RunFolder& folder);  // those of the summary, else first/best/last evaluation
std::string render_samples(const Json& summary);
std::string render_facts(const Json& summary);
std::string render_warnings(const Json& summary);
std::string render_notes(const std::vector<std::string>& notes);

}  // namespace keel
