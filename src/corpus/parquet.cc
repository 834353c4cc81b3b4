#include "corpus/parquet.h"

#include <fmt/format.h>

#include <memory>

#include "text/bridge_call.h"

namespace keel {
namespace {

constexpr const char* kHint = "download the file again, or save it as JSON lines";

}  // namespace

bool is_parquet(std::string_view bytes) { return bytes.starts_with("PAR1") || bytes.starts_with("PARE"); }

void split_parquet(const std::filesystem::path& path, const RowCallback& on_row) {
  BrParquet* handle = nullptr;
  call_bridge(path.string(), kHint,
              [&](char** err) { return br_parquet_open(borrow(path.native()), &handle, err); });
  const std::unique_ptr<BrParquet, void (*)(BrParquet*)> file(handle, br_parquet_free);
  int64_t rows = 0;
  for (;;) {
    BrBuf buf{};
    call_bridge(fmt::format("{} after row {}", path.string(), rows), kHint,
                [&](char** err) { return br_parquet_next(file.get(), &buf, err); });
    const std::unique_ptr<BrBuf, void (*)(BrBuf*)> owner(&buf, br_buf_free);
    if (buf.len == 0) return;
    bool more = true;
    const int64_t before = rows;
    split_lines({buf.data, buf.len}, [&](std::string_view text, int64_t line) {
      rows = before + line;
      return more = on_row(text, rows);
    });
    if (!more) return;
  }
}

}  // namespace keel
