// The rows of one or more sources, before they become tokens.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "corpus/dataset_spec.h"
#include "corpus/record.h"
#include "corpus/rejection.h"
#include "data/options.h"

namespace keel {

struct Source {
  std::string name, schema;
  std::vector<Rejection> rejections;
  std::vector<std::filesystem::path> files;  // that were read
};

struct RowSet {
  std::vector<Source> sources;
  std::vector<Record> records;
  std::vector<int32_t> source;  // of each record
  std::string hash;             // 16 hex digits: content of the files
};

// The sources that options.dataset and options.datasets name, with the field of order_by. UserError: the
// first mistake of the list (config/ tells all of them at once).
std::vector<DatasetSpec> training_specs(const DataOptions& options);
// The held-out sources: eval_dataset, and the eval files of the datasets list under their source's name.
std::vector<DatasetSpec> validation_specs(const DataOptions& options);
std::vector<DatasetSpec> specs_of(const std::vector<std::string>& paths);

// Takes the rows of a source, block by block.
using RecordsSink = std::function<void(size_t source, std::vector<Record> records)>;

// rejected is told of every bad row. With on_records the rows go there, and the set has only what is known of
// its sources. UserError: as read_corpus.
RowSet read_rows(const std::vector<DatasetSpec>& specs, const DataOptions& options,
                 const RejectionSink& rejected = {}, const RecordsSink& on_records = {});

// Moves the rows that val_size holds out of the set into one of its own, which has no rejections.
RowSet hold_out(RowSet& rows, double val_size);

}  // namespace keel
