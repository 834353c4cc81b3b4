// A table for a terminal.
#pragma once

#include <string>
#include <vector>

namespace keel {

struct TextTable {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
};

// Aligned columns, the first to the left and the others to the right, with a line below the heads.
std::string render_table(const TextTable& table);

}  // namespace keel
