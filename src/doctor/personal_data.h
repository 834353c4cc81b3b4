// Personal data by its form: enough to warn and to mask, no proof of either.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "corpus/record.h"

namespace keel {

enum class PersonalKind { phone, email, id_number, card };
inline constexpr size_t kPersonalKinds = 4;
const char* personal_name(PersonalKind kind);  // "phone number", …

struct PersonalItem {
  PersonalKind kind = PersonalKind::phone;
  size_t begin = 0, end = 0;  // bytes of the text
};

// In the order of the text, not overlapping:
// * e-mail addresses;
// * Chinese identity numbers: 18 characters with a date of birth and the right check character (GB
// 11643-1999);
// * card numbers: 13 to 19 digits in one run or in groups of four (or 4-6-5), first digit 2 to 6, Luhn's
// check digit;
// * phone numbers: Chinese mobile (1 3–9 and nine digits, with or without 86) and landline (0xx-…), +COUNTRY
// …,
//   North American 3-3-4 with separators.
// Digits inside a longer number, a word or a code joined by '-' or '.' are none of these.
std::vector<PersonalItem> find_personal_data(std::string_view text);

// Each item replaced by [phone], [email], [id] or [card]; text without any is returned as it is.
std::string mask_personal_data(std::string_view text);

// Every text of a record in which it is looked for: contents, reasoning, names and values of tool calls,
// plain text. Of a Json that is not const, visit may change it in place.
template <class AnyJson, class Visit>
void for_each_text(AnyJson& value, const Visit& visit) {
  using Text = std::conditional_t<std::is_const_v<AnyJson>, const std::string, std::string>;
  if (value.is_string()) return visit(value.template get_ref<Text&>());
  if (!value.is_structured()) return;
  for (auto& part : value) for_each_text(part, visit);
}

}  // namespace keel
