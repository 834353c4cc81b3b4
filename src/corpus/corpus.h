// A corpus: files, folders and globs as records. Known files: JSON arrays and JSON lines (told apart by what
// is in them, not by their names), tables (.csv, .tsv) and .txt (one plain text a file), each also packed
// with gzip or zstd. Known schemas: corpus_schemas(). A schema is found by looking at the first rows; every
// row is then read by the first reader that knows its fields, so a file may mix them. A BOM and CRLF are
// taken as they come; invalid UTF-8 is a bad row.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "corpus/dataset_spec.h"
#include "corpus/record.h"
#include "corpus/rejection.h"

namespace keel {

struct CorpusOptions {
  std::string schema;  // a name of corpus_schemas(); empty: found by looking
  std::string split;   // of a folder or glob: only the files of this split (files.h)
  // {name in the file, name in the schema}.
  std::vector<std::pair<std::string, std::string>> columns;
  bool other_columns = false;  // beside columns, fields that it does not name are read, too
  ChatTags tags;
  std::string order_by;        // a field whose number goes into Record::order; a row without it is bad
  int64_t max_rows = 0;        // good or bad; 0: all
  double max_rejected = 0.01;  // share of bad rows above which reading stops
  bool strict = false;         // stop at the first bad row
  RejectionSink sink;          // told of every bad row, before any error is thrown
  // Takes the good rows, block by block and in order, so that a file need not fit into memory; Corpus.records
  // then stays empty.
  std::function<void(std::vector<Record>)> on_records;
  size_t threads = 0;  // that parse; 0: one a core
};

struct Corpus {
  std::vector<Record> records;  // in the order of files (by name) and rows
  std::vector<Rejection> rejections;
  std::string schema;                        // of the records: one name, or several joined by '+'
  std::string hash;                          // 16 hex digits: the content of the files
  std::vector<std::filesystem::path> files;  // that were read
};

// path: a file, a folder (its files of these kinds, at any depth) or
// a glob whose last part has a *. UserError: nothing there, no row at all, too many bad rows (counted by
// reason), any when strict.
Corpus read_corpus(const std::filesystem::path& path, const CorpusOptions& options = {});

// A dataset by its path: an entry of dataset_dir/dataset_info.json (LLaMA-Factory's: file_name, formatting,
// columns, tags, num_samples), else a file, folder or glob, taken from dataset_dir when it is relative and
// not there as it stands. What the spec says goes before what the entry says, and that before options.
Corpus read_dataset(const DatasetSpec& spec, const std::filesystem::path& dataset_dir,
                    const CorpusOptions& options = {});
Corpus read_dataset(const std::string& path, const std::filesystem::path& dataset_dir,
                    const CorpusOptions& options = {});

// The files that read_dataset would read.
std::vector<std::filesystem::path> dataset_files(const DatasetSpec& spec,
                                                 const std::filesystem::path& dataset_dir);

std::vector<std::string> corpus_schemas();

}  // namespace keel
