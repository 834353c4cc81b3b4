// From names of datasets to examples: read, split, encode, pack. The whole data path in one call.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/example.h"
#include "data/options.h"
#include "data/row_set.h"
#include "data/stats.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace keel {

// What a set may hold: sft chats, cpt plain texts, any both (each row by what it is; for held-out sets).
enum class Stage { sft, cpt, any };
Stage parse_stage(const std::string& name);  // "sft", "cpt", "any"

using RowsCallback = std::function<void(const RowSet& train, const RowSet& validation)>;

struct DataContext {
  const DataOptions& options;
  const Tokenizer& tokenizer;
  const ChatTemplate& chat_template;
  Stage stage = Stage::sft;
  RejectionSink rejected = {};  // told of every bad row
  RowsCallback on_rows = {};    // load_training_sets: called once the rows are read, before they are encoded
};

struct Dataset {
  std::vector<Example> examples;
  DataStats stats;
  std::vector<std::string> sources;  // names; Example::source points here
  std::vector<double> weights;       // of the sources, for mixing
  std::string hash;                  // 16 hex digits: content of the files
};

struct TrainingSets {
  Dataset train;
  Dataset validation;  // eval_dataset, or val_size of the training rows; may be empty
  Dataset general;     // general_dataset; may be empty
};

// A held-out set: texts are not packed into rows, so an example is one text (or a piece of at most
// pack_length). UserError: as read_corpus, a row of the wrong kind for the stage, too many rows that the
// template refuses, no example left.
Dataset load_dataset(const std::vector<DatasetSpec>& specs, const DataContext& context);
Dataset load_dataset(const std::vector<std::string>& names, const DataContext& context);

// All sets that the options name. Training texts (cpt) are packed into rows. Duplicate rows never stand on
// both sides of a val_size split. validation has the kind of the stage, general may hold both kinds.
TrainingSets load_training_sets(const DataContext& context);

}  // namespace keel
