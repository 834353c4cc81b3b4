// Multiple choice without generating: each choice is read as the reply to the prompt.
#pragma once

#include <string>
#include <vector>

#include "data/example.h"
#include "eval/probes.h"

namespace keel {

// "mean": NLL per token of the reply, its end of turn included; "sum": in all; "letter": the choices are
// listed in the prompt as A, B, … and the reply is a letter.
const std::vector<std::string>& choice_scores();

// The reply behind these messages; its tokens, the end of turn among them, are the labels.
Example reply_row(const ChatModel& model, Json messages, const std::string& reply);

// One row a choice, in their order; the tokens of the reply are its labels.
std::vector<Example> choice_rows(const ChatModel& model, const Probe& probe, const std::string& score,
                                 const std::string& system);

// What is asked with score "letter".
std::string letter_prompt(const Probe& probe);

}  // namespace keel
