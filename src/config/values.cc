#include "config/values.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "base/json.h"
#include "base/names.h"
#include "base/utf8.h"
#include "config/settings.h"

namespace keel {
namespace {

constexpr size_t kQuoted = 100;  // bytes of a value in a message

template <class... Visitors>
struct Overload : Visitors... {
  using Visitors::operator()...;
};
template <class... Visitors>  // clang 14 deduces no arguments of an aggregate by itself
Overload(Visitors...)->Overload<Visitors...>;

std::optional<double> parse_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

// 1e3 and 10.0 are whole numbers too; whole doubles are exact up to 2^53.
std::optional<int64_t> parse_whole(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) return value;
  const auto number = parse_number(text);
  if (!number || *number != std::trunc(*number) || std::abs(*number) > 9007199254740992.0)
    return std::nullopt;
  return static_cast<int64_t>(*number);
}

bool in_range(const FieldRef& field, double value) {
  return !(field.extra.min && value < *field.extra.min) && !(field.extra.max && value > *field.extra.max);
}

std::string in_quotes(std::string_view value) {
  const std::string_view beginning = utf8_prefix(value, kQuoted);
  return fmt::format("'{}{}'", beginning, beginning.size() < value.size() ? "…" : "");
}

ErrorText wrong(const FieldRef& field, const YAML::Node& node) {
  const std::string found = node.IsMap() ? "a map" : node.IsSequence() ? "a list" : in_quotes(text_of(node));
  return {.found = found, .wanted = wanted_text(field)};
}

std::optional<ErrorText> check_choice(const FieldRef& field, const std::string& value) {
  const auto& choices = field.extra.choices;
  if (choices.empty()) return std::nullopt;
  for (const std::string& choice : choices)
    if (choice == value) return std::nullopt;
  std::string found = in_quotes(value);
  if (const std::string near = likely_name(value, choices); !near.empty())
    found += fmt::format(". Did you mean '{}'?", near);
  return ErrorText{.found = found, .wanted = wanted_text(field)};
}

// A list is a YAML list, or text: "a,b", "[a, b]".
std::optional<std::vector<std::string>> parse_list(const YAML::Node& node) {
  if (node.IsScalar()) {
    const std::string text = node.Scalar();
    if (text.starts_with('[') && text.ends_with(']'))
      if (const auto inner = read_yaml(text); inner && inner->IsSequence()) return parse_list(*inner);
    return split(text, ',');  // or a name with brackets
  }
  if (!node.IsSequence()) return std::nullopt;
  std::vector<std::string> out;
  for (const YAML::Node& item : node) {
    if (!item.IsScalar()) return std::nullopt;
    out.push_back(item.Scalar());
  }
  return out;
}

// A plain scalar by its looks, a quoted one as text.
Json scalar_json(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return text;
  if (const auto whole = parse_whole(text); whole && text.find_first_of(".eE") == std::string::npos)
    return *whole;
  if (const auto number = parse_number(text)) return *number;
  if (text == "true" || text == "false") return text == "true";
  return text;
}

// Nothing when the value has more nodes than `budget`: YAML can make a node contain itself.
std::optional<Json> to_json(const YAML::Node& node, int& budget, int depth = 0) {
  if (--budget < 0 || depth > 100) return std::nullopt;
  if (!node.IsDefined() || node.IsNull()) return Json(nullptr);
  if (node.IsScalar()) return scalar_json(node);
  Json out = node.IsMap() ? Json::object() : Json::array();
  for (const auto& item : node) {
    const auto value = to_json(node.IsMap() ? item.second : item, budget, depth + 1);
    if (!value) return std::nullopt;
    if (node.IsMap()) {
      out[text_of(item.first)] = *value;
    } else {
      out.push_back(*value);
    }
  }
  return out;
}

// A flag gives one scalar.
std::optional<Json> parse_json_field(const YAML::Node& node) {
  int budget = 1000000;
  if (!node.IsScalar() || node.Tag() == "!") return to_json(node, budget);
  const auto value = read_yaml(node.Scalar());
  return value ? to_json(*value, budget) : std::nullopt;
}

std::string yaml_text(const std::string& text) {
  static constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-+";
  const bool plain = !text.empty() && text.find_first_not_of(kPlain) == std::string::npos &&
                     std::isalpha(static_cast<unsigned char>(text[0])) && !parse_bool(text) &&
                     lower(text) != "null" && lower(text) != "none";
  return plain || text == "none" ? text : Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string list_text(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : ", ") + yaml_text(item);
  return fmt::format("[{}]", out);
}

std::string range_text(const FieldRef& field) {
  const auto &min = field.extra.min, &max = field.extra.max;
  if (min && max) return fmt::format(" from {} to {}", *min, *max);
  if (min) return fmt::format(", at least {}", *min);
  return max ? fmt::format(", at most {}", *max) : "";
}

bool null_word(const YAML::Node& node) {
  if (!node.IsScalar()) return false;
  const std::string word = lower(node.Scalar());
  return word.empty() || word == "null" || word == "none" || word == "~";
}

template <class T, class Parsed>
std::optional<ErrorText> store(const FieldRef& field, const YAML::Node& node, T& target,
                               const Parsed& parsed) {
  if (!parsed) return wrong(field, node);
  if constexpr (std::is_arithmetic_v<std::decay_t<decltype(*parsed)>>)
    if (!in_range(field, static_cast<double>(*parsed))) return wrong(field, node);
  target = *parsed;
  return std::nullopt;
}

std::optional<std::string> scalar(const YAML::Node& node) {
  if (!node.IsScalar()) return std::nullopt;
  return node.Scalar();
}

template <class Parse>
auto parsed(const YAML::Node& node, Parse parse) -> decltype(parse(std::string_view())) {
  const auto text = scalar(node);
  if (!text) return std::nullopt;
  return parse(std::string_view(*text));
}

template <class T, class Parse>
std::optional<ErrorText> set_optional(const FieldRef& field, const YAML::Node& node, std::optional<T>& target,
                                      Parse parse) {
  if (null_word(node)) {
    target.reset();
    return std::nullopt;
  }
  return store(field, node, target, parsed(node, parse));
}

std::optional<ErrorText> set_list(const FieldRef& field, const YAML::Node& node,
                                  std::vector<std::string>& target) {
  const auto items = parse_list(node);
  if (!items) return wrong(field, node);
  for (const std::string& item : *items)
    if (auto problem = check_choice(field, item)) return problem;
  target = *items;
  return std::nullopt;
}

std::optional<ErrorText> set_numbers(const FieldRef& field, const YAML::Node& node,
                                     std::vector<double>& target) {
  const auto items = parse_list(node);
  if (!items) return wrong(field, node);
  std::vector<double> numbers;
  for (const std::string& item : *items) {
    const auto number = parse_number(item);
    if (!number || !in_range(field, *number)) return wrong(field, node);
    numbers.push_back(*number);
  }
  target = std::move(numbers);
  return std::nullopt;
}

std::optional<ErrorText> set_text(const FieldRef& field, const YAML::Node& node, std::string& target) {
  if (!node.IsScalar()) return wrong(field, node);
  if (auto problem = check_choice(field, node.Scalar())) return problem;
  target = node.Scalar();
  return std::nullopt;
}

}  // namespace

std::optional<ErrorText> assign(const FieldRef& field, const YAML::Node& node) {
  if (!node.IsDefined() || node.IsNull()) {
    std::visit(
        Overload{[](std::optional<double>* v) { v->reset(); }, [](std::optional<int64_t>* v) { v->reset(); },
                 [](std::optional<bool>* v) { v->reset(); }, [](Json* v) { *v = nullptr; }, [](auto*) {}},
        field.value);
    return std::nullopt;
  }
  return std::visit(
      Overload{[&](bool* v) { return store(field, node, *v, parsed(node, parse_bool)); },
               [&](int64_t* v) { return store(field, node, *v, parsed(node, parse_whole)); },
               [&](double* v) { return store(field, node, *v, parsed(node, parse_number)); },
               [&](std::string* v) { return set_text(field, node, *v); },
               [&](std::vector<std::string>* v) { return set_list(field, node, *v); },
               [&](std::vector<double>* v) { return set_numbers(field, node, *v); },
               [&](std::optional<double>* v) { return set_optional(field, node, *v, parse_number); },
               [&](std::optional<int64_t>* v) { return set_optional(field, node, *v, parse_whole); },
               [&](std::optional<bool>* v) { return set_optional(field, node, *v, parse_bool); },
               [&](Json* v) { return store(field, node, *v, parse_json_field(node)); }},
      field.value);
}

std::optional<Json> json_of(const YAML::Node& node) {
  int budget = 1000000;
  return to_json(node, budget);
}

std::optional<YAML::Node> read_yaml(const std::string& text) {
  try {
    return YAML::Load(text);
  } catch (const YAML::Exception&) {
    return std::nullopt;
  }
}

std::string type_name(const FieldRef& field) {
  return std::visit(
      Overload{[](bool*) { return "true/false"; }, [](std::optional<bool>*) { return "true/false"; },
               [](int64_t*) { return "whole number"; },
               [](std::optional<int64_t>*) { return "whole number"; }, [](double*) { return "number"; },
               [](std::optional<double>*) { return "number"; }, [](std::string*) { return "text"; },
               [](std::vector<std::string>*) { return "list"; },
               [](std::vector<double>*) { return "numbers"; }, [](Json*) { return "YAML"; }},
      field.value);
}

std::string wanted_text(const FieldRef& field) {
  if (!field.extra.choices.empty())
    return (is_list(field) ? "a list of: " : "one of: ") + join(field.extra.choices);
  if (is_boolean(field)) return "true or false";
  if (std::holds_alternative<std::vector<double>*>(field.value))
    return "a list of numbers" + range_text(field);
  if (is_list(field)) return "a list: a,b or a YAML list of words";
  if (std::holds_alternative<std::string*>(field.value)) return "text";
  if (std::holds_alternative<Json*>(field.value)) return "YAML or JSON";
  return fmt::format("a {}{}", type_name(field), range_text(field));
}

std::string value_text(const FieldRef& field) {
  return std::visit(
      Overload{
          [](bool* v) { return std::string(*v ? "true" : "false"); },
          [](int64_t* v) { return fmt::format("{}", *v); }, [](double* v) { return fmt::format("{}", *v); },
          [](std::string* v) { return yaml_text(*v); },
          [](std::vector<std::string>* v) { return list_text(*v); },
          [](std::vector<double>* v) { return fmt::format("[{}]", fmt::join(*v, ", ")); },
          [](std::optional<bool>* v) {
            return std::string(!*v ? "null" : **v ? "true" : "false");
          },
          [](std::optional<double>* v) { return *v ? fmt::format("{}", **v) : "null"; },
          [](std::optional<int64_t>* v) { return *v ? fmt::format("{}", **v) : "null"; },
          [](Json* v) -> std::string { return v->dump(-1, ' ', false, Json::error_handler_t::replace); }},
      field.value);
}

bool is_boolean(const FieldRef& field) {
  return std::holds_alternative<bool*>(field.value) ||
         std::holds_alternative<std::optional<bool>*>(field.value);
}

bool is_list(const FieldRef& field) {
  return std::holds_alternative<std::vector<std::string>*>(field.value) ||
         std::holds_alternative<std::vector<double>*>(field.value);
}

}  // namespace keel
