#include "report/html.h"

#include "base/fs.h"
#include "report/page.h"
#include "report/run_folder.h"

namespace keel {

void write_report(const std::filesystem::path& run_dir) {
  write_file(run_dir / "report.html", render_page(read_run_folder(run_dir)));
}

}  // namespace keel
