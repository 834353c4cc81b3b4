// How many documents a YAML text holds.
#pragma once

#include <cstdint>
#include <string>

namespace keel {

// Empty ones at the end do not count. YAML::Exception when the text is not valid YAML, also where
// YAML::LoadAll would find empty documents for ever.
int64_t count_documents(const std::string& text);

}  // namespace keel
