// gates: what a run must hold at its end, by the names of metrics.jsonl:
//
//   gates:
//     general_loss: {max_rise: 0.02}   # at most 2 % above its value before training
//     eval_loss: {max: 1.5}
//     kl_from_start: {max: 0.1}
//     end_of_turn: {min: 0.9, max_drop: 0.1}
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace keel {

struct RedLine {
  enum class Kind { max, max_rise, min, max_drop };  // rise and drop: shares of the value before training

  std::string measure;  // eval_loss, eval_loss/SOURCE, general_loss, kl_from_start, a monitor's name
  Kind kind = Kind::max;
  double limit = 0;
};

// place: of the option, for messages. What cannot be read goes to problems.
std::vector<RedLine> red_lines(const Json& gates, const std::string& place, std::vector<ErrorText>& problems);

// What is crossed, each as a sentence ("general_loss 3.60, at most 3.50 (max_rise: 0.02)"). before, after:
// the measures of the model before training and of the one that is saved. A value that is missing or no
// number crosses its line.
std::vector<std::string> crossed(std::span<const RedLine> lines, const Json& before, const Json& after);

}  // namespace keel
