#include "report/text_table.h"

#include <algorithm>

namespace keel {
namespace {

// Columns a text takes on a terminal: code points, good enough for the Latin text of the table.
size_t width(const std::string& text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string padded(const std::string& text, size_t to, bool right) {
  const std::string space(to > width(text) ? to - width(text) : 0, ' ');
  return right ? space + text : text + space;
}

}  // namespace

std::string render_table(const TextTable& table) {
  std::vector<size_t> widths;
  for (size_t c = 0; c < table.columns.size(); ++c) {
    widths.push_back(width(table.columns[c]));
    for (const auto& row : table.rows) widths[c] = std::max(widths[c], width(row[c]));
  }
  std::string out;
  const auto line = [&](const std::vector<std::string>& cells) {
    for (size_t c = 0; c < cells.size(); ++c)
      out += padded(cells[c], widths[c], c > 0) + (c + 1 < cells.size() ? "   " : "\n");
  };
  line(table.columns);
  size_t total = 3 * (widths.size() - 1);
  for (const size_t w : widths) total += w;
  out += std::string(total, '-') + "\n";
  for (const auto& row : table.rows) line(row);
  return out;
}

}  // namespace keel
