#include "doctor/subject.h"

#include "corpus/dedup/record_text.h"
#include "data/split.h"

namespace keel {
namespace {

void add_replies(const Record& record, uint32_t row, const std::string& train_on, std::vector<Reply>& out) {
  const size_t before = out.size();
  for (const Json& message : record.messages) {
    if (message["role"] != "assistant") continue;
    const double weight = message.value("weight", train_on == "per_message" ? 0.0 : 1.0);
    if (weight == 0 || record.weight == 0) continue;
    const auto text = message.find("content");
    Reply reply{.row = row};
    if (text != message.end() && text->is_string()) reply.text = text->get_ref<const std::string&>();
    reply.acts = message.contains("tool_calls") || message.contains("reasoning_content");
    out.push_back(reply);
  }
  if (train_on == "last" && out.size() > before + 1)
    out.erase(out.begin() + static_cast<std::ptrdiff_t>(before), out.end() - 1);
}

}  // namespace

Side examine(RowSet rows, const DataOptions& options, const EncodeContext* encode) {
  Side side{.rows = std::move(rows)};
  std::vector<std::string> texts;
  for (uint32_t i = 0; i < side.rows.records.size(); ++i) {
    const Record& record = side.rows.records[i];
    add_replies(record, i, options.train_on, side.replies);
    side.hashes.push_back(content_hash(record));
    texts.push_back(record_text(record));
  }
  const auto threads = static_cast<size_t>(options.preprocessing_num_workers);
  side.sketches = sketch_texts(texts, threads);
  if (encode != nullptr) side.tokens = tokenise_rows(side.rows.records, *encode, threads);
  return side;
}

}  // namespace keel
