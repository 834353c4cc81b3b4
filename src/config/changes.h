// What a resumed run is told differently from the run that it goes on with.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fields.h"

namespace keel {

struct ConfigChange {
  std::string key, was, now;
};

// Options that alter the result (all but those marked free_on_resume) and differ. An option that is now
// "auto" takes the old value. Both lists are of one struct's fields.
std::vector<ConfigChange> take_over(const std::vector<FieldRef>& was, const std::vector<FieldRef>& now);

// One problem a change that `allowed` does not name.
std::vector<ErrorText> refused(std::span<const ConfigChange> changes, std::span<const std::string> allowed);

}  // namespace keel
