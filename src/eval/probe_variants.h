// Rows that give several items: a question in several forms (robust), a conversation with several checked
// replies (dialogue). docs/eval.md has an example of each.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eval/probes.h"

namespace keel {

// What a checked reply of a dialogue shows: follow-up, it needs what was said before; focus, one of several
// things that were said; latest, what the user said last of something; switch, the talk has turned to
// something else (turns until a right reply are counted, see scores.h).
const std::vector<std::string>& dialogue_skills();

// A row as probes: itself, or its parts "id#variant" of the dimension "dimension-variant". A robust question
// comes plain, reworded, reordered (when it says how) and long, behind about kContextBytes of the texts of
// `context` (when there are any). Nothing when the row cannot be used, which is added to problems.
std::vector<Probe> parse_probes(const Json& row, const Probe& fallback, std::span<const std::string> context,
                                std::vector<ErrorText>& problems);

// About 1,000 tokens of English; in bytes, so that models with other tokenizers read the same.
constexpr size_t kContextBytes = 4000;

}  // namespace keel
