// Numbers in sentences.
#pragma once

#include <cstdint>
#include <string>

namespace keel {

std::string percent(double share);           // 0.1234 → "12.3 %", 0.0004 → "0.04 %"
double share_of(int64_t part, int64_t all);  // 0 of nothing
// The verb that fits the number: verb(1, "is", "are") → "is".
inline const char* verb(int64_t n, const char* one, const char* more) { return n == 1 ? one : more; }

// "1 row", "12 rows"; plural: when it is not the word with an s.
std::string counted(int64_t n, const std::string& word, const std::string& plural = {});

}  // namespace keel
