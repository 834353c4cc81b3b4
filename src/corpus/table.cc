#include "corpus/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/names.h"

namespace keel {
namespace {

// One record after the other. A broken one says why and is left behind by one line.
class TableScan {
 public:
  TableScan(std::string_view bytes, char separator) : bytes_(bytes), separator_(separator) {}

  bool at_end() const { return at_ >= bytes_.size(); }

  // Reads the record here; its cells, line, text and fault are there until the next call.
  void next() {
    begin_ = at_;
    cells_.clear();
    fault_.reset();
    line_ = next_line_;
    do {
      if (!take_cell(cells_.emplace_back())) {
        at_ = std::min(bytes_.find('\n', begin_), bytes_.size());
        break;
      }
    } while (skip(separator_));
    skip('\r');
    skip('\n');
    next_line_ += std::ranges::count(text(), '\n');
  }

  const std::vector<std::string>& cells() const { return cells_; }
  const std::optional<Fault>& fault() const { return fault_; }
  std::string_view text() const { return bytes_.substr(begin_, at_ - begin_); }
  int64_t line() const { return line_; }

 private:
  bool skip(char c) {
    if (at_end() || bytes_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool at_cell_end(size_t at) const {
    if (at >= bytes_.size() || bytes_[at] == separator_ || bytes_[at] == '\n') return true;
    return bytes_[at] == '\r' && (at + 1 == bytes_.size() || bytes_[at + 1] == '\n');
  }

  bool take_cell(std::string& cell) {
    if (!at_end() && bytes_[at_] == '"') return take_quoted(cell);
    size_t end = at_;
    while (!at_cell_end(end)) ++end;
    cell = bytes_.substr(at_, end - at_);
    at_ = end;
    return true;
  }

  bool take_quoted(std::string& cell) {
    for (++at_;; at_ += 2) {
      const size_t quote = bytes_.find('"', at_);
      if (quote == std::string_view::npos)
        return fail("a quote that never closes", "a quote at the end of the cell");
      cell += bytes_.substr(at_, quote - at_);
      at_ = quote;
      if (at_ + 1 >= bytes_.size() || bytes_[at_ + 1] != '"') break;
      cell += '"';
    }
    ++at_;
    return at_cell_end(at_) || fail("a single quote inside a quoted cell", "two quotes for one in the text");
  }

  bool fail(const char* found, const char* wanted) {
    fault_ = Fault{"", found, wanted};
    return false;
  }

  std::string_view bytes_;
  char separator_;
  size_t at_ = 0, begin_ = 0;
  int64_t line_ = 1, next_line_ = 1;
  std::vector<std::string> cells_;
  std::optional<Fault> fault_;
};

char separator_of(std::string_view bytes, char separator) {
  const std::string_view header = bytes.substr(0, bytes.find('\n'));
  if (separator != ',' || header.find(',') != std::string_view::npos) return separator;
  for (const char other : {';', '\t'})
    if (header.find(other) != std::string_view::npos) return other;
  return separator;
}

std::vector<std::string> names_of(const TableScan& header, const std::filesystem::path& path) {
  const auto fail = [&](std::string found, std::string wanted, std::string hint = {}) {
    throw UserError({.where = fmt::format("{}:{}", path.string(), header.line()),
                     .found = std::move(found),
                     .wanted = std::move(wanted),
                     .hint = std::move(hint)});
  };
  if (auto fault = check_text(header.text()))
    fail("a header with " + fault->found, fault->wanted, "save the table as UTF-8");
  if (header.fault()) fail("a header with " + header.fault()->found, header.fault()->wanted);
  std::vector<std::string> names;
  for (const std::string& cell : header.cells()) {
    const size_t begin = std::min(cell.find_first_not_of(" \t"), cell.size());
    names.push_back(cell.substr(begin, cell.find_last_not_of(" \t") + 1 - begin));
    if (!names.back().empty() && std::ranges::count(names, names.back()) > 1)
      fail(fmt::format("two columns named \"{}\"", names.back()), "a name of its own for each column");
  }
  return names;
}

bool all_empty(const std::vector<std::string>& cells) {
  return std::ranges::all_of(cells, [](const std::string& cell) { return cell.empty(); });
}

std::optional<Fault> row_of(const TableScan& scan, const std::vector<std::string>& names, Json& row) {
  if (auto fault = check_text(scan.text())) return fault;
  if (scan.fault()) return scan.fault();
  if (scan.cells().size() != names.size())
    return Fault{"", fmt::format("{} cells", scan.cells().size()),
                 fmt::format("{}, as in the header", names.size())};
  for (size_t i = 0; i < names.size(); ++i)
    if (!names[i].empty() && !scan.cells()[i].empty()) row[names[i]] = scan.cells()[i];
  return {};
}

void read_number(Json& value) {
  const auto& text = value.get_ref<const std::string&>();
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) value = number;
}

void read_truth(Json& value) {
  const auto text = value.get<std::string>();
  for (const char* word : {"true", "True", "TRUE", "1"})
    if (text == word) value = true;
  for (const char* word : {"false", "False", "FALSE", "0"})
    if (text == word) value = false;
}

void read_nested(Json& value) {
  const auto& text = value.get_ref<const std::string&>();
  if (!text.starts_with('[') && !text.starts_with('{')) return;
  Json wrapped;  // parse_row takes objects alone, and keeps an eye on depth
  if (!parse_row("{\"cell\":" + text + "}", wrapped) && wrapped.size() == 1) value = Json(wrapped["cell"]);
}

}  // namespace

void split_table(std::string_view bytes, char separator, const std::filesystem::path& path,
                 const TableCallback& on_row) {
  TableScan scan(bytes, separator_of(bytes, separator));
  std::vector<std::string> names;
  while (!scan.at_end()) {
    scan.next();
    if (!scan.fault() && all_empty(scan.cells())) continue;
    if (names.empty()) {
      names = names_of(scan, path);
      continue;
    }
    Json row = Json::object();
    auto fault = row_of(scan, names, row);
    if (!on_row(std::move(fault), std::move(row), scan.line())) return;
  }
}

void read_cells(Json& row) {
  const auto each = [&](std::initializer_list<const char*> names, void (*read)(Json&)) {
    for (const char* name : names)
      if (const auto found = row.find(name); found != row.end() && found->is_string()) read(*found);
  };
  each({"weight"}, read_number);
  each({"label"}, read_truth);
  each({"messages", "conversations", "history", "tools", "chosen", "rejected"}, read_nested);
}

}  // namespace keel
