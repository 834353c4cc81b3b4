// A diagnosis for people at a terminal.
#pragma once

#include <string>
#include <vector>

#include "doctor/diagnosis.h"

namespace keel {

// One page: sources, lengths, scripts, plan, findings.
std::string text_page(const Diagnosis& diagnosis);

// Errors and warnings only, one line each.
std::vector<std::string> short_lines(const Diagnosis& diagnosis);

}  // namespace keel
