#include "corpus/dataset_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/names.h"
#include "corpus/corpus.h"
#include "corpus/json_entry.h"

namespace keel {
namespace {

void take_format(JsonEntry& entry, DatasetSpec& spec) {
  entry.text({"format", "schema", "formatting"}, spec.format);
  const auto schemas = corpus_schemas();
  if (spec.format.empty() || std::ranges::find(schemas, spec.format) != schemas.end()) return;
  const std::string near = nearest_name(spec.format, schemas);
  entry.problem(entry.last_name(), fmt::format("'{}'", spec.format), "one of: " + join(schemas),
                near.empty() ? "" : fmt::format("did you mean '{}'?", near));
}

void take_numbers(JsonEntry& entry, DatasetSpec& spec) {
  const auto above_0 = [](double weight) { return weight > 0; };
  spec.weight = entry.number({"weight"}, above_0, "a number above 0").value_or(spec.weight);
  spec.max_samples = entry.whole({"max_samples", "num_rows", "num_samples"}, 0).value_or(spec.max_samples);
}

void take_part(JsonEntry& entry, DatasetSpec& spec) {
  spec.stage = entry.whole({"stage"}, 1).value_or(spec.stage);
  std::string role;
  entry.text({"role"}, role);
  if (role == "specialist")
    spec.role = SourceRole::specialist;
  else if (role == "general")
    spec.role = SourceRole::general;
  else if (!role.empty())
    entry.problem("role", fmt::format("'{}'", role), "specialist or general");
}

void take_tags(JsonEntry& entry, ChatTags& tags) {
  const Json* given = entry.take({"tags"});
  if (given == nullptr) return;
  if (!given->is_object())
    return entry.problem("tags", shown(*given), "names of roles and keys, such as {user: human}");
  JsonEntry names(*given, entry.where() + ".tags", entry.problems());
  names.text({"role", "role_tag"}, tags.role);
  names.text({"content", "content_tag"}, tags.content);
  names.text({"user", "user_tag"}, tags.user);
  names.text({"assistant", "assistant_tag"}, tags.assistant);
  names.text({"observation", "observation_tag"}, tags.observation);
  names.text({"function", "function_tag"}, tags.function);
  names.text({"system", "system_tag"}, tags.system);
  names.unknown_keys();
}

DatasetSpec entry_spec(const Json& object, const std::string& where, std::vector<ErrorText>& problems) {
  JsonEntry entry(object, where, problems);
  DatasetSpec spec;
  entry.text({"path"}, spec.path);
  std::string file;
  entry.text({"data_files", "file_name"}, file);
  if (!file.empty()) spec.path = file;  // path is then the name of a loader, such as json
  entry.text({"name"}, spec.name);
  if (spec.path.empty()) spec.path = spec.name;  // a name of dataset_info.json
  entry.text({"split"}, spec.split);
  if (spec.split.find('[') != std::string::npos)
    entry.problem("split", fmt::format("'{}'", spec.split), "a name such as train",
                  "max_samples: N takes the first N rows");
  take_format(entry, spec);
  take_numbers(entry, spec);
  take_part(entry, spec);
  entry.text({"eval"}, spec.eval);
  if (const Json* columns = entry.take({"columns"}))
    spec.columns = column_names(*columns, where + ".columns", problems);
  take_tags(entry, spec.tags);
  entry.take({"type"});
  entry.take({"ds_type"});
  entry.take({"chat_template"});
  entry.unknown_keys();
  if (spec.path.empty()) entry.problem("", "an entry without 'path'", "path: FILE");
  return spec;
}

}  // namespace

DatasetSpec dataset_spec(const std::string& path) {
  DatasetSpec spec;
  spec.path = path;
  const size_t mark = path.rfind('#');
  if (mark == std::string::npos || mark + 1 == path.size()) return spec;
  int64_t rows = 0;
  const auto [end, error] = std::from_chars(path.data() + mark + 1, path.data() + path.size(), rows);
  if (error != std::errc() || end != path.data() + path.size() || rows < 0) return spec;
  spec.path = path.substr(0, mark);
  spec.max_samples = rows;
  return spec;
}

std::vector<DatasetSpec> dataset_specs(const Json& list, const std::string& where,
                                       std::vector<ErrorText>& problems) {
  if (list.is_null()) return {};
  const Json entries = list.is_array() ? list : Json::array({list});
  std::vector<DatasetSpec> specs;
  std::set<std::string> labels;
  for (size_t i = 0; i < entries.size(); ++i) {
    const std::string place = fmt::format("{}[{}]", where, i);
    if (entries[i].is_string())
      specs.push_back(dataset_spec(entries[i].get<std::string>()));
    else if (entries[i].is_object())
      specs.push_back(entry_spec(entries[i], place, problems));
    else {
      problems.push_back({.where = place, .found = shown(entries[i]), .wanted = "a path, or path: FILE"});
      continue;
    }
    const std::string& label = specs.back().label();
    if (!label.empty() && !labels.insert(label).second)
      problems.push_back({.where = place,
                          .found = fmt::format("a second dataset '{}'", label),
                          .wanted = "a name of its own for each"});
  }
  return specs;
}

std::vector<std::pair<std::string, std::string>> column_names(const Json& columns, const std::string& where,
                                                              std::vector<ErrorText>& problems) {
  std::vector<std::pair<std::string, std::string>> names;
  if (columns.is_null()) return names;
  if (!columns.is_object()) {
    problems.push_back({.where = where,
                        .found = shown(columns),
                        .wanted = "a map from the schema's names to the file's, such as {output: answer}"});
    return names;
  }
  for (const auto& [field, column] : columns.items()) {
    if (column.is_string())
      names.emplace_back(column.get<std::string>(), field);
    else
      problems.push_back({.where = where + "." + field,
                          .found = shown(column),
                          .wanted = "the name of a field in the file"});
  }
  return names;
}

}  // namespace keel
