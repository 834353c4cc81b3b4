// Which files a path means.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace keel {

// A file; a folder: its data files at any depth, but not dataset_info.json; a glob whose last part has a *.
// In the order of names.
//
// split keeps those files of a folder or glob which belong to it: named so (train.jsonl,
// train-00000-of-00002.parquet) or in a folder named so; where there is none, those with the word in their
// name (harbour_train.csv; validation, valid, val and dev are one word). The split train of files that name
// no split at all is all of them. UserError: nothing there, no file of the split.
std::vector<std::filesystem::path> corpus_files(const std::filesystem::path& path,
                                                const std::string& split = {});

}  // namespace keel
