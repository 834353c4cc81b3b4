// Personal data, counted by kind. The values themselves are never shown.
#include "doctor/personal_data.h"

#include <fmt/format.h>

#include "doctor/checks.h"
#include "doctor/wording.h"

namespace keel {
namespace {

constexpr std::array<const char*, kPersonalKinds> kCodes{"phone", "email", "id", "card"};

}  // namespace

void check_personal_data(const Subject& subject, Findings& out) {
  std::array<int64_t, kPersonalKinds> count{};
  std::array<std::vector<uint32_t>, kPersonalKinds> rows;
  for (uint32_t i = 0; i < subject.train.rows.records.size(); ++i) {
    const Record& record = subject.train.rows.records[i];
    const auto look = [&](const std::string& text) {
      for (const PersonalItem& item : find_personal_data(text)) {
        const auto kind = static_cast<size_t>(item.kind);
        ++count[kind];
        if (rows[kind].empty() || rows[kind].back() != i) rows[kind].push_back(i);
      }
    };
    for_each_text(record.messages, look);
    look(record.text);
  }
  for (size_t kind = 0; kind < kPersonalKinds; ++kind) {
    if (count[kind] == 0) continue;
    Finding f = about_rows(subject.train.rows, rows[kind]);
    f.severity = Severity::warning;
    f.code = std::string("personal_") + kCodes[kind];
    f.text = fmt::format("{} in {} ({}), judged by form.",
                         counted(count[kind], personal_name(static_cast<PersonalKind>(kind)),
                                 kind == 1 ? "e-mail addresses" : ""),
                         counted(f.count, "row"), percent(f.share));
    f.count = count[kind];
    f.advice = "keel data clean --mask_personal_data true masks them";
    out.push_back(std::move(f));
  }
}

}  // namespace keel
