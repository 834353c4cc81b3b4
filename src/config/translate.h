// What keys and values of other trainers mean here. The table is translate_table.cc; this is the machine that
// reads it, and the two meanings that do not fit a table row (lists of datasets, "path#rows").
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "config/settings.h"

namespace keel {

enum class Action {
  set,     // target gets the value `to` ("=": the same value, "!": its opposite)
  force,   // the same, and it wins over another key for that field in the same source
  ignore,  // accepted without effect; `text` says why
  refuse,  // an error: not supported by Keel; `text` says why or what to use
};

struct Rule {
  Action action;
  std::string_view key;   // foreign keys joined by | (a * stands for any run of letters), or a field's own
                          // name (then its aliases are meant too)
  std::string_view when;  // "*": any value; "on"; "off": false, null, none, 0, empty; else words joined by |
  std::string_view target = {}, to = {};
  std::string_view text = {};
};

// First match wins. A key of the table that is no field, is not in unsupported.h and matches no row is a
// wrong value.
std::span<const Rule> translation_rules();

struct Translation {
  std::vector<Setting> settings;  // in the fields' own names
  std::vector<std::string> notes;
  std::vector<ErrorText> problems;
};

// canonical(key): the field's name for a name or alias; "" for a key that no field has.
using Canonical = std::function<std::string(const std::string& key)>;

// Adds what the setting means to `out`; false when neither a field nor the table knows the key.
bool translate(const Setting& setting, const Canonical& canonical, Translation& out);

bool is_off(std::string_view text);

}  // namespace keel
