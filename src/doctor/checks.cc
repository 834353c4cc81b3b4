#include "doctor/checks.h"

#include <array>

#include "doctor/wording.h"

namespace keel {

std::span<const Check> checks() {
  static constexpr std::array kChecks{
      Check{"rejected", check_rejected, true},
      Check{"refused", check_refused, false},  // training counts these itself
      Check{"ends", check_ends, true},
      Check{"bos", check_bos, true},
      Check{"leaks", check_leaks, true},
      Check{"duplicates", check_duplicates, true},
      Check{"contradictions", check_contradictions, true},
      Check{"replies", check_replies, true},
      Check{"phrases", check_phrases, false},
      Check{"lengths", check_lengths, true},
      Check{"broken tokens", check_broken_tokens, false},
      Check{"scripts", check_scripts, false},
      Check{"personal data", check_personal_data, false},
      Check{"steps", check_steps, false},
  };
  return kChecks;
}

std::vector<std::string> places_of(const RowSet& rows, std::span<const uint32_t> which) {
  std::vector<std::string> places;
  for (const uint32_t row : which.first(std::min<size_t>(3, which.size())))
    places.push_back(rows.records[row].place);
  return places;
}

Finding about_rows(const RowSet& rows, std::span<const uint32_t> which) {
  const auto count = static_cast<int64_t>(which.size());
  return {.count = count,
          .share = share_of(count, static_cast<int64_t>(rows.records.size())),
          .places = places_of(rows, which)};
}

}  // namespace keel
