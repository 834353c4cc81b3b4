// What loading a set needs to know.
#pragma once

#include <functional>
#include <string>

#include "corpus/rejection.h"
#include "data/options.h"
#include "data/row_set.h"
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
  // load_training_sets: shown the first rows of each source. Not called when the tokens come from a cache.
  RowsCallback on_rows = {};
};

}  // namespace keel
