#include "app/data_output.h"

#include "base/error.h"
#include "base/fs.h"

namespace keel {
namespace {

bool same_file(const fs::path& a, const fs::path& b) {
  std::error_code ec;
  return fs::equivalent(a, b, ec);
}

}  // namespace

fs::path log_of_rows(const fs::path& output) { return fs::path(output).replace_extension(".log.jsonl"); }

void check_new_rows(const NewRowsOptions& options) {
  if (options.output.empty())
    throw UserError({.where = "output", .found = "not given", .wanted = "a new file: --output new.jsonl"});
  for (const fs::path& path : {fs::path(options.output), log_of_rows(options.output)}) {
    if (fs::exists(path) && !options.overwrite)
      throw UserError({.where = "output",
                       .found = path.string() + " exists",
                       .wanted = "a new file",
                       .hint = "choose another name, or add --overwrite true"});
  }
}

void check_not_read(const fs::path& output, const RowSet& rows) {
  for (const fs::path& written : {output, log_of_rows(output)}) {
    for (const Source& source : rows.sources) {
      for (const fs::path& read : source.files) {
        if (!same_file(read, written)) continue;
        throw UserError({.where = "output",
                         .found = written.string() + " is one of the files that are read",
                         .wanted = "another file: nothing is changed in place"});
      }
    }
  }
}

void write_lines(const fs::path& path, const std::vector<Json>& rows) {
  PartFile file(path);
  for (const Json& row : rows) file.write(to_line(row) + "\n");
  file.commit();
}

}  // namespace keel
