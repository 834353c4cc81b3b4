#include "corpus/row_blocks.h"

#include <utility>

#include "base/parallel.h"

namespace keel {
namespace {

constexpr size_t kBlockBytes = size_t{2} << 20;

}  // namespace

struct RowBlocks::Parsing {
  Parsing(std::vector<RawRow> raw, const RowParser& parser, const std::string& name, size_t threads)
      : rows(std::move(raw)),
        parsed(rows.size()),
        work(rows.size(), threads, [&](size_t i) { parsed[i] = parser.parse(std::move(rows[i]), name); }) {}

  std::vector<RawRow> rows;
  std::vector<ParsedRow> parsed;
  RowsUnderWay work;
};

RowBlocks::RowBlocks(const RowParser& parser, const DataFile& file, std::string name, size_t threads,
                     Sink sink)
    : parser_(parser), file_(file), name_(std::move(name)), threads_(threads), sink_(std::move(sink)) {}

RowBlocks::~RowBlocks() = default;

void RowBlocks::add(RawRow row, size_t bytes) {
  rows_.push_back(std::move(row));
  bytes_ += bytes;
  if (bytes_ >= kBlockBytes) parse_block();
}

// The pages before this block are done with.
void RowBlocks::parse_block() {
  if (parsing_) {
    parsing_->work.finish();
    parsed_ = std::move(parsing_->parsed);
    parsing_.reset();
  }
  bytes_ = 0;
  if (!rows_.empty()) {
    if (const std::string_view text = rows_.front().text; !text.empty())
      file_.release(text.data() - file_.bytes().data());
    parsing_ = std::make_unique<Parsing>(std::exchange(rows_, {}), parser_, name_, threads_);
  }
  deliver();
}

void RowBlocks::deliver() {
  if (!parsed_.empty()) sink_(std::exchange(parsed_, {}));
}

void RowBlocks::finish() {
  deliver();
  while (parsing_ || !rows_.empty()) parse_block();
}

size_t RowBlocks::waiting() const {
  return rows_.size() + (parsing_ ? parsing_->rows.size() : 0) + parsed_.size();
}

}  // namespace keel
