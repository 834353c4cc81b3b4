#include "doctor/personal_data.h"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace keel {
namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }
bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool mail_char(char c) {
  return digit(c) || letter(c) || c == '.' || c == '_' || c == '%' || c == '+' || c == '-';
}
bool host_char(char c) { return digit(c) || letter(c) || c == '.' || c == '-'; }

// An address around the '@' at `at`.
std::optional<PersonalItem> email_at(std::string_view text, size_t at) {
  size_t begin = at, end = at + 1;
  while (begin > 0 && mail_char(text[begin - 1])) --begin;
  while (begin < at && text[begin] == '.') ++begin;
  while (end < text.size() && host_char(text[end])) ++end;
  while (end > at + 1 && !letter(text[end - 1])) --end;  // a full stop behind the address
  const std::string_view host = text.substr(at + 1, end - at - 1);
  const size_t dot = host.rfind('.');
  if (begin == at || dot == std::string_view::npos || dot == 0 || host.size() - dot < 3) return {};
  if (!std::ranges::all_of(host.substr(dot + 1), letter)) return {};
  return PersonalItem{PersonalKind::email, begin, end};
}

struct Run {
  size_t begin, end;  // of digits
  size_t size() const { return end - begin; }
};

bool luhn(std::string_view digits) {
  int sum = 0;
  for (size_t i = 0; i < digits.size(); ++i) {
    int d = digits[digits.size() - 1 - i] - '0';
    if (i % 2 == 1) d = d * 2 > 9 ? d * 2 - 9 : d * 2;
    sum += d;
  }
  return sum % 10 == 0;
}

bool identity_checks(std::string_view id) {  // 17 digits and a check character
  constexpr int kWeights[] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
  int sum = 0;
  for (size_t i = 0; i < 17; ++i) sum += (id[i] - '0') * kWeights[i];
  const int year = std::stoi(std::string(id.substr(6, 4))), month = std::stoi(std::string(id.substr(10, 2))),
            day = std::stoi(std::string(id.substr(12, 2)));
  const bool born = year >= 1900 && year < 2100 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
  const char check = id[17] == 'x' ? 'X' : id[17];
  return born && id[0] != '0' && check == "10X98765432"[sum % 11];
}

class NumberScanner {
 public:
  explicit NumberScanner(std::string_view text) : text_(text) {
    for (size_t at = 0; at < text.size();) {
      const size_t begin = at;
      while (at < text.size() && digit(text[at])) ++at;
      if (at > begin)
        runs_.push_back({begin, at});
      else
        ++at;
    }
  }

  void scan(std::vector<PersonalItem>& out) {
    for (next_ = 0; next_ < runs_.size();) {
      const size_t first = next_++;  // try_… move it behind what they take
      if (!free_before(runs_[first].begin)) continue;
      std::optional<PersonalItem> item = try_identity(first);
      if (!item) item = try_card(first);
      if (!item) item = try_phone(first);
      if (item) out.push_back(*item);
    }
  }

 private:
  char at(size_t i) const { return i < text_.size() ? text_[i] : ' '; }

  // A number does not begin inside a word, a decimal or a code.
  bool free_before(size_t begin) const {
    if (begin == 0) return true;
    const char before = text_[begin - 1];
    if (letter(before) || before == '_') return false;
    const bool joins = before == '-' || before == '.' || before == ',' || before == '/';
    return !(joins && begin > 1 && (digit(text_[begin - 2]) || letter(text_[begin - 2])));
  }
  bool free_after(size_t end) const {
    if (letter(at(end)) || at(end) == '_') return false;
    const bool joins = at(end) == '-' || at(end) == '.' || at(end) == ',' || at(end) == '/';
    return !(joins && digit(at(end + 1)));
  }

  std::string_view gap(size_t run) const {  // between run and the next one
    return text_.substr(runs_[run].end, runs_[run + 1].begin - runs_[run].end);
  }

  // Whether runs first, first + 1, … have these sizes, with one of the gaps between them.
  bool groups(size_t first, std::initializer_list<size_t> sizes,
              std::initializer_list<std::string_view> gaps) const {
    size_t run = first;
    for (const size_t size : sizes) {
      if (run >= runs_.size() || runs_[run].size() != size) return false;
      if (run > first && std::ranges::find(gaps, gap(run - 1)) == gaps.end()) return false;
      ++run;
    }
    return free_after(runs_[run - 1].end);
  }

  PersonalItem take(PersonalKind kind, size_t first, size_t runs) {
    next_ = first + runs;
    return {kind, runs_[first].begin, runs_[first + runs - 1].end};
  }

  std::string digits_of(size_t first, size_t runs) const {
    std::string out;
    for (size_t r = first; r < first + runs; ++r) out += text_.substr(runs_[r].begin, runs_[r].size());
    return out;
  }

  std::optional<PersonalItem> try_identity(size_t first) {
    const Run run = runs_[first];
    const bool with_x = run.size() == 17 && (at(run.end) == 'X' || at(run.end) == 'x');
    if (!with_x && run.size() != 18) return {};
    if (!free_after(run.begin + 18) || digit(at(run.begin + 18))) return {};
    if (!identity_checks(text_.substr(run.begin, 18))) return {};
    next_ = first + 1;
    return PersonalItem{PersonalKind::id_number, run.begin, run.begin + 18};
  }

  std::optional<PersonalItem> try_card(size_t first) {
    size_t runs = 0;
    const auto gaps = {std::string_view(" "), std::string_view("-")};
    if (runs_[first].size() >= 13 && runs_[first].size() <= 19 && free_after(runs_[first].end)) runs = 1;
    if (groups(first, {4, 4, 4, 4}, gaps)) runs = 4;
    if (groups(first, {4, 4, 4, 4, 3}, gaps)) runs = 5;
    if (groups(first, {4, 6, 5}, gaps)) runs = 3;
    if (runs == 0) return {};
    const std::string digits = digits_of(first, runs);
    const bool one_digit = digits.find_first_not_of(digits[0]) == std::string::npos;
    if (digits[0] < '2' || digits[0] > '6' || one_digit || !luhn(digits)) return {};
    return take(PersonalKind::card, first, runs);
  }

  bool north_american(size_t first) const {  // area code and exchange begin with 2 to 9
    return at(runs_[first].begin) >= '2' && at(runs_[first + 1].begin) >= '2';
  }

  std::optional<PersonalItem> try_phone(size_t first) {
    if (auto item = try_international(first)) return item;
    if (auto item = try_chinese(first)) return item;
    for (const size_t country : {1U, 0U}) {  // "1-800-555-0199"
      const size_t area = first + country;
      if (country == 1 &&
          (runs_[first].size() != 1 || at(runs_[first].begin) != '1' || area >= runs_.size() ||
           (gap(first) != "-" && gap(first) != " " && gap(first) != "." && gap(first) != " (")))
        continue;
      if (!groups(area, {3, 3, 4}, {"-", ".", " ", ") ", ")", ")-"}) || !north_american(area)) continue;
      if (gap(area) == " " && gap(area + 1) == " " && country == 0) continue;  // three plain numbers in a row
      return take(PersonalKind::phone, first, country + 3);
    }
    return {};
  }

  std::optional<PersonalItem> try_international(size_t first) {
    const size_t begin = runs_[first].begin;
    if (begin == 0 || text_[begin - 1] != '+' ||
        (begin > 1 && (digit(text_[begin - 2]) || letter(text_[begin - 2]))))
      return {};
    size_t digits = runs_[first].size(), runs = 1;
    if (digits > 15 || (digits > 3 && digits < 8)) return {};
    while (digits < 15 && first + runs < runs_.size()) {
      const std::string_view between = gap(first + runs - 1);
      const bool joined =
          between == " " || between == "-" || between == "." || between == " (" || between == ") ";
      if (!joined || digits + runs_[first + runs].size() > 15) break;
      digits += runs_[first + runs].size();
      ++runs;
    }
    if (digits < 8 || !free_after(runs_[first + runs - 1].end)) return {};
    PersonalItem item = take(PersonalKind::phone, first, runs);
    --item.begin;
    return item;
  }

  std::optional<PersonalItem> try_chinese(size_t first) {
    const auto mobile = [&](size_t begin) { return at(begin) == '1' && at(begin + 1) >= '3'; };
    const Run run = runs_[first];
    const bool free = free_after(run.end);
    if (free && ((run.size() == 11 && mobile(run.begin)) ||
                 (run.size() == 13 && text_.substr(run.begin, 2) == "86" && mobile(run.begin + 2))))
      return take(PersonalKind::phone, first, 1);
    if (groups(first, {3, 4, 4}, {"-", " "}) && mobile(run.begin)) return take(PersonalKind::phone, first, 3);
    for (const size_t area : {3U, 4U}) {
      for (const size_t rest : {7U, 8U}) {
        if (at(run.begin) == '0' && groups(first, {area, rest}, {"-"}))
          return take(PersonalKind::phone, first, 2);
      }
    }
    return {};
  }

  std::string_view text_;
  std::vector<Run> runs_;
  size_t next_ = 0;
};

const char* mask_of(PersonalKind kind) {
  constexpr std::array kMasks{"[phone]", "[email]", "[id]", "[card]"};
  return kMasks[static_cast<size_t>(kind)];
}

}  // namespace

const char* personal_name(PersonalKind kind) {
  constexpr std::array kNames{"phone number", "e-mail address", "Chinese identity number", "card number"};
  return kNames[static_cast<size_t>(kind)];
}

std::vector<PersonalItem> find_personal_data(std::string_view text) {
  std::vector<PersonalItem> items;
  for (size_t at = text.find('@'); at != std::string_view::npos; at = text.find('@', at + 1)) {
    if (const auto item = email_at(text, at)) items.push_back(*item);
  }
  NumberScanner(text).scan(items);
  std::ranges::stable_sort(items, {}, &PersonalItem::begin);
  std::vector<PersonalItem> apart;
  for (const PersonalItem& item : items) {
    if (apart.empty() || item.begin >= apart.back().end) apart.push_back(item);
  }
  return apart;
}

std::string mask_personal_data(std::string_view text) {
  std::string out;
  size_t from = 0;
  for (const PersonalItem& item : find_personal_data(text)) {
    out += text.substr(from, item.begin - from);
    out += mask_of(item.kind);
    from = item.end;
  }
  return out += text.substr(from);
}

}  // namespace keel
