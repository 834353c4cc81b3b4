// {"text"}: plain text, for continued pretraining and perplexity.
#include "corpus/readers/reader.h"

namespace keel {
namespace {

bool knows_text(const Json& row) { return has(row, "text"); }

MaybeFault read_text(const Json& row, const ChatTags&, Record& record) {
  if (auto fault = take_text(row, "text", "", record.text)) return fault;
  if (is_blank(record.text)) return Fault{"text", "an empty text", "text"};
  return {};
}

}  // namespace

const RowReader kTextReader{"text", "text", knows_text, read_text};

}  // namespace keel
