// A diagnosis as one self-contained page: no script, no outside requests, all text from data escaped.
#pragma once

#include <string>

#include "doctor/diagnosis.h"

namespace keel {

std::string html_page(const Diagnosis& diagnosis);

}  // namespace keel
