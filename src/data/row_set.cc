#include "data/row_set.h"

#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "corpus/corpus.h"
#include "data/split.h"

namespace keel {
namespace {

void throw_first(const std::vector<ErrorText>& problems) {
  if (!problems.empty()) throw UserError(problems.front());
}

}  // namespace

std::vector<DatasetSpec> specs_of(const std::vector<std::string>& paths) {
  std::vector<DatasetSpec> specs;
  for (const std::string& path : paths) specs.push_back({.path = path});
  return specs;
}

std::vector<DatasetSpec> training_specs(const DataOptions& options) {
  std::vector<DatasetSpec> specs = specs_of(options.dataset);
  std::vector<ErrorText> problems;
  for (DatasetSpec& spec : dataset_specs(options.datasets, "datasets", problems))
    specs.push_back(std::move(spec));
  throw_first(problems);
  if (options.order_by != kOrderByLength)
    for (DatasetSpec& spec : specs) spec.order_by = options.order_by;
  return specs;
}

std::vector<DatasetSpec> validation_specs(const DataOptions& options) {
  std::vector<DatasetSpec> specs = specs_of(options.eval_dataset);
  for (DatasetSpec& spec : training_specs(options)) {
    if (spec.eval.empty()) continue;
    spec.name = spec.label();
    spec.path = std::exchange(spec.eval, "");
    spec.order_by.clear();
    spec.max_samples = 0;  // that of the training rows
    specs.push_back(std::move(spec));
  }
  return specs;
}

RowSet read_rows(const std::vector<DatasetSpec>& specs, const DataOptions& options,
                 const RejectionSink& rejected, const RecordsSink& on_records) {
  std::vector<ErrorText> problems;
  CorpusOptions read{.columns = column_names(options.columns, "columns", problems),
                     .other_columns = true,
                     .max_rows = options.max_samples,
                     .max_rejected = options.max_rejected,
                     .strict = options.strict,
                     .sink = rejected,
                     .threads = static_cast<size_t>(options.preprocessing_num_workers)};
  throw_first(problems);
  RowSet rows;
  std::string hashes;
  for (const DatasetSpec& spec : specs) {
    if (on_records)
      read.on_records = [&](std::vector<Record> records) {
        on_records(rows.sources.size(), std::move(records));
      };
    Corpus corpus = read_dataset(spec, options.dataset_dir, read);
    for (Record& record : corpus.records) rows.records.push_back(std::move(record));
    rows.source.resize(rows.records.size(), static_cast<int32_t>(rows.sources.size()));
    rows.sources.push_back({.name = spec.label(),
                            .schema = std::move(corpus.schema),
                            .rejections = std::move(corpus.rejections),
                            .files = std::move(corpus.files)});
    hashes += corpus.hash;
  }
  rows.hash = hashes.size() == 16 ? hashes : to_hex(hash64(hashes));
  return rows;
}

RowSet hold_out(RowSet& rows, double val_size) {
  std::vector<uint64_t> hashes;
  for (const Record& record : rows.records) hashes.push_back(content_hash(record));
  const std::vector<bool> out = held_out(hashes, val_size);
  RowSet kept{.sources = std::move(rows.sources), .hash = rows.hash}, held{.hash = rows.hash};
  for (const Source& s : kept.sources)
    held.sources.push_back({.name = s.name, .schema = s.schema, .files = s.files});
  for (size_t i = 0; i < out.size(); ++i) {
    RowSet& side = out[i] ? held : kept;
    side.records.push_back(std::move(rows.records[i]));
    side.source.push_back(rows.source[i]);
  }
  rows = std::move(kept);
  return held;
}

}  // namespace keel
