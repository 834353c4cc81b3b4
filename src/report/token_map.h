// The heat map of a run's report: replies token by token, shaded by the loss before and after training.
#pragma once

#include <string>

#include "base/json.h"

namespace keel {

// samples: those of summary.json; of each its "tokens", {"text": […], "readings": [{"name", "nll", "entropy",
// "weight"}]}. "" where none has any.
std::string render_token_maps(const Json& samples);

}  // namespace keel
