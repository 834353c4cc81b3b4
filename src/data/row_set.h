// The rows of one or more sources, before they become tokens.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "corpus/dataset_spec.h"
#include "corpus/record.h"
#include "corpus/rejection.h"
#include "data/options.h"

namespace keel {

struct Source {
  std::string name, schema;
  double weight = 1;  // for mixing
  std::vector<Rejection> rejections;
  std::vector<std::filesystem::path> files;  // that were read
};

struct RowSet {
  std::vector<Source> sources;
  std::vector<Record> records;
  std::vector<int32_t> source;  // of each record
  std::string hash;             // 16 hex digits: content of the files
};

// The sources that options.dataset and options.datasets name. UserError: the first mistake of the list
// (config/ tells all of them at once).
std::vector<DatasetSpec> training_specs(const DataOptions& options);
std::vector<DatasetSpec> specs_of(const std::vector<std::string>& paths);

// rejected is told of every bad row. UserError: as read_corpus.
RowSet read_rows(const std::vector<DatasetSpec>& specs, const DataOptions& options,
                 const RejectionSink& rejected = {});

// Moves the rows that val_size holds out of the set into one of its own, which has no rejections.
RowSet hold_out(RowSet& rows, double val_size);

// A copy with the first rows of each source, at most `most` of them.
RowSet first_rows(const RowSet& rows, int64_t most);

}  // namespace keel
