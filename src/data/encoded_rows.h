// Sources read and tokenised, block by block, so that only their tokens have to be kept; and kept on disk, so
// that the next start finds them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/data_context.h"
#include "data/example_store.h"
#include "data/row_set.h"

namespace keel {

// A row that gives nothing to train: the template refuses it (bad), or the weights leave it out.
struct RefusedRow {
  Rejection reason;
  bool bad = false;
};

struct EncodedRows {
  std::shared_ptr<const ExampleStore> store;
  std::vector<Source> sources;
  std::vector<RefusedRow> refused;
  std::string hash;  // 16 hex digits: content of the files
  // The first rows of each source, for those who look at them, and their numbers; none from a cache.
  RowSet head;
  std::vector<uint32_t> head_rows;
  fs::path cache;           // the folder that holds the tokens; empty: memory
  bool from_cache = false;  // they were there before
};

// Bad rows are told to context.rejected, also those that a cache remembers. UserError: as read_corpus, a row
// of the wrong kind for the stage, too many rows that the template refuses.
//
// Sets are kept in a folder of options.dataset_prepared_path that is named after everything the tokens depend
// on: content and names of the files, tokenizer, template, options (a template that prints the date: that
// too). Where no path is given, smaller ones than kSmallestCached are not: they take no second.
EncodedRows encode_sources(const std::vector<DatasetSpec>& specs, const DataContext& context, Stage stage);

inline constexpr uint64_t kSmallestCached = 4 << 20;

}  // namespace keel
