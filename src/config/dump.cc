#include "config/dump.h"

#include <fmt/format.h>

#include "config/values.h"

namespace keel {

std::string dump_config(const std::vector<FieldRef>& fields) {
  std::string out =
      "# Every option of this run. To repeat it: keel train "
      "THIS_FILE --output_dir ANOTHER_FOLDER\n";
  std::string group;
  for (const FieldRef& field : fields) {
    if (field.group != group) out += fmt::format("\n# {}\n", field.group);
    group = field.group;
    out += fmt::format("{}: {}\n", field.name, value_text(field));
  }
  return out;
}

}  // namespace keel
