// Evaluations as tables for the console.
#pragma once

#include <span>
#include <string>

#include "eval/compare.h"

namespace keel {

std::string score_table(std::span<const Score> scores, const Suite& suite);
std::string comparison_table(const Comparison& comparison);

}  // namespace keel
