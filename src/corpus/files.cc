#include "corpus/files.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "base/fs.h"
#include "base/names.h"
#include "corpus/unpack.h"

namespace keel {
namespace {

bool known_extension(const fs::path& path) {
  static constexpr std::string_view kKnown[] = {".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".txt"};
  if (path.extension() == ".parquet") return true;
  return std::ranges::find(kKnown, unpacked_name(path).extension().string()) != std::end(kKnown);
}

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && known_extension(entry.path()) &&
        entry.path().filename() != "dataset_info.json")
      files.push_back(entry.path());
  }
  return files;
}

std::vector<fs::path> files_like(const fs::path& pattern) {
  const fs::path folder = pattern.has_parent_path() ? pattern.parent_path() : fs::path(".");
  std::vector<fs::path> files;
  if (!fs::is_directory(folder)) return files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_regular_file() &&
        matches_glob(entry.path().filename().string(), pattern.filename().string()))
      files.push_back(entry.path());
  }
  return files;
}

std::string_view split_word(std::string_view word) {
  for (const std::string_view other : {"valid", "val", "dev"})
    if (word == other) return "validation";
  return word;
}

// "train" of train-00000-of-00002.parquet and of train.jsonl.gz.
std::string base_name(const fs::path& path) {
  std::string name = path.filename();
  name.resize(std::min(name.find('.'), name.size()));
  if (const size_t shard = name.find("-0");
      shard != std::string::npos && name.find("-of-") != std::string::npos)
    name.resize(shard);
  return name;
}

bool is_named(const fs::path& file, const std::string& split) {
  if (base_name(file) == split) return true;
  const fs::path folders = file.parent_path();
  return std::find(folders.begin(), folders.end(), fs::path(split)) != folders.end();
}

bool has_word(const fs::path& file, std::string_view split) {
  std::string words = file.string();
  std::ranges::replace_if(
      words, [](char c) { return c == '-' || c == '.' || c == '/' || c == ' '; }, '_');
  const auto pieces = keel::split(words, '_');
  return std::ranges::any_of(pieces,
                             [&](const std::string& word) { return split_word(word) == split_word(split); });
}

std::vector<fs::path> files_of_split(const std::vector<fs::path>& files, const fs::path& root,
                                     const std::string& split) {
  std::vector<fs::path> named, worded;
  bool any_split = false;
  for (const fs::path& file : files) {
    const fs::path inside = file.lexically_relative(root);
    if (is_named(inside, split)) named.push_back(file);
    if (has_word(inside, split)) worded.push_back(file);
    for (const char* word : {"train", "validation", "test"}) any_split = any_split || has_word(inside, word);
  }
  if (!named.empty()) return named;
  if (!worded.empty()) return worded;
  if (split == "train" && !any_split) return files;
  std::vector<std::string> names;
  for (const fs::path& file : files) names.push_back(file.lexically_relative(root).string());
  if (names.size() > 8) {
    names.resize(8);
    names.emplace_back("…");
  }
  throw UserError({.where = root.string(),
                   .found = fmt::format("no file of the split '{}' among {}", split, join(names)),
                   .wanted = fmt::format("a name with '{}' in it", split)});
}

}  // namespace

std::vector<fs::path> corpus_files(const fs::path& path, const std::string& split) {
  std::error_code ec;
  std::vector<fs::path> files;
  const bool folder = fs::is_directory(path, ec);
  if (folder)
    files = files_in(path);
  else if (!fs::exists(path, ec) && path.filename().string().find('*') != std::string::npos)
    files = files_like(path);
  else
    return {path};
  std::ranges::sort(files);
  if (files.empty())
    throw UserError({.where = path.string(),
                     .found = "no data file in it",
                     .wanted = ".parquet, .json, .jsonl, .ndjson, .csv, .tsv or .txt files, the last six "
                               "also packed (.gz, .zst)"});
  return split.empty() ? files : files_of_split(files, folder ? path : path.parent_path(), split);
}

}  // namespace keel
