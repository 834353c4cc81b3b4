// One entry of the `datasets:` list: a source with its own name, files, schema and names of fields.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace keel {

// What a conversation's roles and keys are called; the defaults are ShareGPT's.
struct ChatTags {
  std::string role = "from", content = "value";
  std::string user = "human", assistant = "gpt", observation = "observation", function = "function_call";
  std::string system = "system";

  bool operator==(const ChatTags&) const = default;
};

// What a source is for a run of two stages: taught first, or what must not be forgotten over it.
enum class SourceRole { none = 0, specialist = 1, general = 2 };  // the number of its stage

struct DatasetSpec {
  std::string name;    // in reports and options by dataset; empty: the path
  std::string path;    // file, folder, glob, or a name of dataset_info.json
  std::string format;  // a name of corpus_schemas(); empty: found by looking
  std::string split;   // of a folder: the files of this split alone; empty: all
  double weight = 1;   // how much the source counts when sources are mixed; not a weight of the loss
  int64_t stage = 0;   // of the run that trains it, from 1; 0: not said
  SourceRole role = SourceRole::none;
  std::string eval;         // its own held-out file, folder or glob, read in the same way; empty: none
  std::string order_by;     // a field whose number every row must have, for Record::order; empty: none
  int64_t max_samples = 0;  // the first rows of it; 0: all
  // {name in the file, name in the schema}; other fields keep their names.
  std::vector<std::pair<std::string, std::string>> columns;
  ChatTags tags;

  const std::string& label() const { return name.empty() ? path : name; }
};

// A plain text: a path, "path#500" for its first 500 rows.
DatasetSpec dataset_spec(const std::string& path);

// The list (or one entry alone) with all its mistakes added to `problems`; where: the option's name. An entry
// is a text or an object with path and optionally name, format (schema, formatting), split, weight, stage,
// role (specialist, general), eval, max_samples (num_rows, num_samples), columns {name in the schema: name in
// the file}, tags (role, content, user, assistant, observation, function, system; also with _tag behind).
// type, ds_type, chat_template are let pass: the rows tell.
std::vector<DatasetSpec> dataset_specs(const Json& list, const std::string& where,
                                       std::vector<ErrorText>& problems);

// {name in the schema: name in the file} as pairs {name in the file, name in the schema}.
std::vector<std::pair<std::string, std::string>> column_names(const Json& columns, const std::string& where,
                                                              std::vector<ErrorText>& problems);

}  // namespace keel
