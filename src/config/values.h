// One option's value: from a YAML node, to text. Types, ranges and choices are checked here.
#pragma once

#include <yaml-cpp/yaml.h>

#include <optional>
#include <string>

#include "base/error.h"
#include "base/fields.h"

namespace keel {

// Sets the field, or says what is wrong (found and wanted; the caller knows where). An empty value (null)
// leaves the default, except that it clears an optional one.
std::optional<ErrorText> assign(const FieldRef& field, const YAML::Node& node);

std::string type_name(const FieldRef& field);    // "number", "list of text", …
std::string wanted_text(const FieldRef& field);  // "a whole number, at least 1"

// The present value as YAML that assign() reads back to the same value.
std::string value_text(const FieldRef& field);

// The value that a flag's text writes as YAML, which JSON is; nothing when it is not valid.
std::optional<YAML::Node> read_yaml(const std::string& text);

// A node as JSON, plain scalars by their looks. Nothing when it is too large or contains itself.
std::optional<Json> json_of(const YAML::Node& node);

bool is_boolean(const FieldRef& field);
bool is_list(const FieldRef& field);

}  // namespace keel
