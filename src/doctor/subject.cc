#include "doctor/subject.h"

#include "base/error.h"
#include "corpus/corpus.h"
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

RowSet read_row_set(const std::vector<DatasetSpec>& specs, const DataOptions& options, int64_t most) {
  RowSet set;
  std::vector<ErrorText> problems;
  CorpusOptions read{.columns = column_names(options.columns, "columns", problems),
                     .other_columns = true,
                     .max_rejected = 1.0};
  if (!problems.empty()) throw UserError(problems.front());
  for (DatasetSpec spec : specs) {
    if (spec.max_samples == 0) spec.max_samples = options.max_samples;
    if (most > 0 && (spec.max_samples == 0 || most < spec.max_samples)) spec.max_samples = most;
    Corpus corpus = read_dataset(spec, options.dataset_dir, read);
    for (Record& record : corpus.records) set.records.push_back(std::move(record));
    set.source.resize(set.records.size(), static_cast<int32_t>(set.sources.size()));
    set.sources.push_back({.name = spec.label(),
                           .schema = std::move(corpus.schema),
                           .rejections = std::move(corpus.rejections)});
  }
  return set;
}

std::vector<DatasetSpec> validation_specs(const DataOptions& options) {
  std::vector<DatasetSpec> specs;
  for (const std::string& path : options.eval_dataset) specs.push_back({.path = path});
  return specs;
}

RowSet take_validation(RowSet& train, double val_size) {
  RowSet kept, held;
  for (const Source& s : train.sources) held.sources.push_back({.name = s.name, .schema = s.schema});
  kept.sources = std::move(train.sources);
  const std::vector<bool> out = held_out(train.records, val_size);
  for (size_t i = 0; i < out.size(); ++i) {
    RowSet& side = out[i] ? held : kept;
    side.records.push_back(std::move(train.records[i]));
    side.source.push_back(train.source[i]);
  }
  train = std::move(kept);
  return held;
}

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
