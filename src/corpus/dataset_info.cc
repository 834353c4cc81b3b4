// LLaMA-Factory's dataset_info.json: names of datasets with file, schema and the names of their fields.
#include <fmt/format.h>

#include "base/error.h"
#include "base/fs.h"
#include "base/names.h"
#include "corpus/corpus.h"
#include "corpus/files.h"

namespace keel {
namespace {

constexpr const char* kInfoFile = "dataset_info.json";

std::string text_of(const Json& entry, const char* key, const std::string& where, std::string fallback = {}) {
  const auto found = entry.find(key);
  if (found == entry.end() || found->is_null()) return fallback;
  if (!found->is_string())
    throw UserError({.where = where + "." + key, .found = found->dump(), .wanted = "text"});
  return found->get<std::string>();
}

std::string schema_field(const std::string& column, const std::string& formatting) {
  if (column == "prompt") return "instruction";
  if (column == "query") return "input";
  if (column == "response") return "output";
  if (column == "messages") return formatting == "openai" ? "messages" : "conversations";
  return column == "kto_tag" ? "label" : column;
}

void take_columns(const Json& entry, const std::string& where, const std::string& formatting,
                  CorpusOptions& options) {
  const auto columns = entry.find("columns");
  if (columns == entry.end()) return;
  if (!columns->is_object())
    throw UserError({.where = where + ".columns", .found = columns->dump(), .wanted = "names of fields"});
  options.columns.clear();
  options.other_columns = false;
  for (const auto& [column, name] : columns->items())
    options.columns.emplace_back(text_of(*columns, column.c_str(), where + ".columns"),
                                 schema_field(column, formatting));
  // A file with nothing but a prompt is how plain text is declared.
  if (formatting == "alpaca" && columns->size() == 1 && columns->contains("prompt")) {
    options.columns.front().second = "text";
    options.schema = "text";
  }
}

void take_tags(const Json& entry, const std::string& where, ChatTags& tags) {
  const auto found = entry.find("tags");
  if (found == entry.end()) return;
  const std::string place = where + ".tags";
  tags.role = text_of(*found, "role_tag", place, tags.role);
  tags.content = text_of(*found, "content_tag", place, tags.content);
  tags.user = text_of(*found, "user_tag", place, tags.user);
  tags.assistant = text_of(*found, "assistant_tag", place, tags.assistant);
  tags.observation = text_of(*found, "observation_tag", place, tags.observation);
  tags.function = text_of(*found, "function_tag", place, tags.function);
  tags.system = text_of(*found, "system_tag", place, tags.system);
}

bool is_preference(const Json& entry) {
  if (entry.value("ranking", Json(false)) == true) return true;
  const Json columns = entry.value("columns", Json::object());
  return columns.contains("chosen") || columns.contains("rejected") || columns.contains("kto_tag");
}

// The file of an entry; what it says of the rows goes into options.
fs::path take_entry(const Json& entry, const std::string& name, const fs::path& dir, CorpusOptions& options) {
  const std::string where = fmt::format("{}: {}", (dir / kInfoFile).string(), name);
  const std::string file = text_of(entry, "file_name", where);
  if (file.empty())
    throw UserError({.where = where,
                     .found = "no file_name",
                     .wanted = "a file in this folder",
                     .hint = "Keel downloads no datasets: put the file there and name it"});
  if (is_preference(entry))
    throw UserError({.where = where,
                     .found = "preference data (chosen, rejected, ranking or kto_tag)",
                     .wanted = "replies to imitate"});
  const std::string formatting = text_of(entry, "formatting", where, "alpaca");
  options.schema = formatting;
  if (formatting != "alpaca" && formatting != "sharegpt" && formatting != "openai")
    throw UserError(
        {.where = where + ".formatting", .found = formatting, .wanted = "alpaca, sharegpt or openai"});
  take_columns(entry, where, formatting, options);
  take_tags(entry, where, options.tags);
  if (entry.contains("num_samples") && entry["num_samples"].is_number_integer() && options.max_rows == 0)
    options.max_rows = entry["num_samples"].get<int64_t>();
  return dir / file;
}

void take_spec(const DatasetSpec& spec, CorpusOptions& options) {
  if (!spec.format.empty()) options.schema = spec.format;
  if (!spec.split.empty()) options.split = spec.split;
  if (spec.max_samples > 0) options.max_rows = spec.max_samples;
  if (spec.tags != ChatTags{}) options.tags = spec.tags;
  options.order_by = spec.order_by;
  if (spec.columns.empty()) return;
  options.columns = spec.columns;
  options.other_columns = true;
}

[[noreturn]] void throw_unknown(const std::string& name, const fs::path& dir, const Json& info) {
  std::vector<std::string> known;
  for (const auto& [key, entry] : info.items()) known.push_back(key);
  const std::string near = nearest_name(name, known);
  throw UserError(
      {.where = "dataset " + name,
       .found = dir.empty() ? "no such file or folder"
                            : fmt::format("no such file or folder, here or in {}{}", dir.string(),
                                          known.empty() ? "" : ", and no such name in its dataset_info.json"),
       .wanted = "a file, a folder, a glob or a name of dataset_info.json",
       .hint = near.empty() ? "" : fmt::format("did you mean {}?", near)});
}

bool is_there(const fs::path& path) {
  std::error_code ec;
  return fs::exists(path, ec) || path.filename().string().find('*') != std::string::npos;
}

}  // namespace

namespace {

// Also takes what dataset_info.json says of it.
fs::path find_dataset(const DatasetSpec& spec, const fs::path& dataset_dir, CorpusOptions& options) {
  Json info = Json::object();
  std::error_code ec;
  if (!dataset_dir.empty() && fs::exists(dataset_dir / kInfoFile, ec))
    info = read_json(dataset_dir / kInfoFile);
  fs::path path = spec.path;
  if (info.contains(spec.path) && info[spec.path].is_object())
    path = take_entry(info[spec.path], spec.path, dataset_dir, options);
  else if (!is_there(path) && !dataset_dir.empty() && is_there(dataset_dir / path))
    path = dataset_dir / path;
  else if (!is_there(path))
    throw_unknown(spec.path, dataset_dir, info);
  take_spec(spec, options);
  return path;
}

}  // namespace

Corpus read_dataset(const DatasetSpec& spec, const fs::path& dataset_dir, const CorpusOptions& given) {
  CorpusOptions options = given;
  const fs::path path = find_dataset(spec, dataset_dir, options);
  return read_corpus(path, options);
}

std::vector<fs::path> dataset_files(const DatasetSpec& spec, const fs::path& dataset_dir) {
  CorpusOptions options;
  const fs::path path = find_dataset(spec, dataset_dir, options);
  return corpus_files(path, options.split);
}

Corpus read_dataset(const std::string& path, const fs::path& dataset_dir, const CorpusOptions& options) {
  return read_dataset(DatasetSpec{.path = path}, dataset_dir, options);
}

}  // namespace keel
