#include "corpus/rows.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <set>
#include <vector>

#include "base/json_nesting.h"
#include "corpus/readers/reader.h"

namespace keel {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr size_t kParserBytes = 64 << 10;

std::string_view trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

size_t count_keys(const Json& value) {
  size_t keys = value.is_object() ? value.size() : 0;
  if (value.is_structured())
    for (const Json& item : value) keys += count_keys(item);
  return keys;
}

// The key that an object of this valid JSON text has twice.
std::string key_given_twice(std::string_view text) {
  std::vector<std::set<std::string>> keys;
  std::string twice;
  const auto look = [&](int, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second &&
        twice.empty())
      twice = value.get<std::string>();
    return true;
  };
  [[maybe_unused]] const Json parsed = Json::parse(text, look);
  return twice;
}

// What simdjson reads, as the same Json that the exact parser makes of it.
class FastCopy {
 public:
  // False when an object has a key twice.
  bool copy(const simdjson::dom::element& from, Json& to) {
    using simdjson::dom::element_type;
    switch (from.type()) {
      case element_type::OBJECT:
        return copy_object(from.get_object().value_unsafe(), to);
      case element_type::ARRAY:
        return copy_array(from.get_array().value_unsafe(), to);
      case element_type::STRING:
        to = std::string(from.get_string().value_unsafe());
        return true;
      case element_type::INT64: {
        const int64_t value = from.get_int64().value_unsafe();
        to = value < 0 ? Json(value) : Json(static_cast<uint64_t>(value));
        return true;
      }
      case element_type::UINT64:
        to = from.get_uint64().value_unsafe();
        return true;
      case element_type::DOUBLE:
        to = from.get_double().value_unsafe();
        return true;
      case element_type::BOOL:
        to = from.get_bool().value_unsafe();
        return true;
      default:
        to = nullptr;
        return true;
    }
  }

 private:
  bool copy_object(const simdjson::dom::object& from, Json& to) {
    to = Json::object();
    auto& fields = to.get_ref<Json::object_t&>();
    fields.reserve(from.size());
    for (const auto [key, value] : from) {
      const auto same = [name = key](const auto& field) { return field.first == name; };
      if (std::ranges::any_of(fields, same)) return false;
      // Not emplace(), which would look through the keys once more.
      auto& field = static_cast<std::vector<Json::object_t::value_type>&>(fields).emplace_back(
          std::string(key), nullptr);
      if (!copy(value, field.second)) return false;
    }
    return true;
  }

  bool copy_array(const simdjson::dom::array& from, Json& to) {
    to = Json::array();
    auto& items = to.get_ref<Json::array_t&>();
    items.reserve(from.size());
    for (const simdjson::dom::element item : from) {
      if (!copy(item, items.emplace_back())) return false;
    }
    return true;
  }
};

// Rows without any fault, which are nearly all; the exact parser below finds out what is wrong with others.
bool parse_fast(std::string_view text, Json& row) {
  if (text.empty()) return false;             // simdjson would copy from a null pointer
  thread_local simdjson::dom::parser parser;  // buffers that grow to the longest row
  if (parser.capacity() < text.size() && parser.allocate(std::max(text.size(), kParserBytes), kDeepestRow))
    return false;
  simdjson::dom::element element;
  if (parser.parse(text.data(), text.size()).get(element) != simdjson::SUCCESS || !element.is_object())
    return false;
  return FastCopy().copy(element, row);
}

// Walks over an array's elements and counts lines on the way.
class ArrayWalk {
 public:
  ArrayWalk(std::string_view bytes, const RowCallback& on_row) : bytes_(bytes), on_row_(on_row) {}

  void run() {
    size_t i = bytes_.find('[');
    begin(i + 1);
    for (++i; i < bytes_.size(); ++i) {
      const char c = bytes_[i];
      const bool at_top = nesting_.depth() == 0 && !nesting_.in_string();
      if (at_top && (c == ',' || c == ']')) {
        if (!end(i, c == ',')) return;
        if (c == ']') break;
        continue;
      }
      nesting_.step(c);
    }
    const bool closed = i < bytes_.size();
    if (closed) begin(i + 1);  // what stands behind the array
    if (!end(bytes_.size(), false) || closed) return;
    if (nesting_.depth() == 0 && !nesting_.in_string()) on_row_({}, line_);  // cut between two rows
  }

 private:
  void begin(size_t at) { begin_ = at; }

  // The element [begin_, at). An empty one is a row (a stray comma) only where another has to follow.
  bool end(size_t at, bool more) {
    const std::string_view raw = bytes_.substr(begin_, at - begin_);
    const std::string_view text = trim(raw);
    const size_t first = text.empty() ? begin_ : static_cast<size_t>(text.data() - bytes_.data());
    line_ += std::count(bytes_.begin() + static_cast<std::ptrdiff_t>(counted_),
                        bytes_.begin() + static_cast<std::ptrdiff_t>(first), '\n');
    counted_ = first;
    begin_ = at + 1;
    return (text.empty() && !more) || on_row_(text, line_);
  }

  std::string_view bytes_;
  const RowCallback& on_row_;
  JsonNesting nesting_;
  size_t begin_ = 0, counted_ = 0;
  int64_t line_ = 1;
};

}  // namespace

std::string_view without_bom(std::string_view bytes) {
  constexpr std::string_view kBom = "\xEF\xBB\xBF";
  return bytes.starts_with(kBom) ? bytes.substr(kBom.size()) : bytes;
}

FileKind file_kind(std::string_view bytes, std::string_view extension) {
  if (extension == ".txt") return FileKind::plain_text;
  if (extension == ".csv") return FileKind::csv;
  if (extension == ".tsv") return FileKind::tsv;
  const size_t first = bytes.find_first_not_of(kBlanks);
  const bool json = extension == ".json" || extension == ".jsonl" || extension == ".ndjson";
  if (first == std::string_view::npos) return json ? FileKind::json_lines : FileKind::unknown;
  if (bytes[first] == '[') return FileKind::json_array;
  return json || bytes[first] == '{' ? FileKind::json_lines : FileKind::unknown;
}

void split_lines(std::string_view bytes, const RowCallback& on_row) {
  int64_t line = 0;
  while (!bytes.empty()) {
    const size_t end = std::min(bytes.find('\n'), bytes.size());
    const std::string_view text = trim(bytes.substr(0, end));
    ++line;
    if (!text.empty() && !on_row(text, line)) return;
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
}

void split_array(std::string_view bytes, const RowCallback& on_row) { ArrayWalk(bytes, on_row).run(); }

std::optional<Fault> check_text(std::string_view text) {
  if (simdjson::validate_utf8(text.data(), text.size())) return {};
  return Fault{"", "bytes that are not UTF-8", "UTF-8 text"};
}

std::optional<Fault> parse_row(std::string_view text, Json& row) {
  if (parse_fast(text, row)) return {};
  if (auto fault = check_text(text)) return fault;
  const JsonNesting nesting = nesting_of(text);
  if (nesting.deepest() > kDeepestRow)
    return Fault{"", fmt::format("values nested deeper than {}", kDeepestRow), "a flat row"};
  try {
    row = Json::parse(text);
  } catch (const Json::parse_error& e) {
    const size_t at = std::min(e.byte, text.size());
    return Fault{"", fmt::format("broken JSON at byte {} of the row", at), "one JSON object"};
  } catch (const Json::exception&) {  // a number too large for any type
    return Fault{"", "JSON with a number out of range", "one JSON object"};
  }
  if (!row.is_object()) return Fault{"", describe_value(row), "an object with fields"};
  if (count_keys(row) != nesting.colons())
    return Fault{key_given_twice(text), "the same field twice in one object", "each field once"};
  return {};
}

}  // namespace keel
