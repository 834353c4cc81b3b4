// From options to what the doctor looks at; shared by keel data check, keel data clean and the start of keel
// train.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/commands.h"
#include "config/run_config.h"
#include "data/dataset.h"
#include "doctor/subject.h"
#include "eval/text_model.h"

namespace keel {

struct LoadedSubject {
  std::unique_ptr<TextModel> model;  // none when no model is named
  Subject subject;                   // its tokenizer points into model
};

// What of the configuration tells how rows become text and tokens.
TextModelOptions text_options(const RunConfig& config);

// UserError: no dataset, no model.
void check_model_given(const RunConfig& config);

// UserError: no dataset, val_size beside eval_dataset, what cannot be read.
LoadedSubject load_subject(const RunConfig& config, const DoctorOptions& limits);

// Options of `keel data …`: those of a training run (so that its configuration file is read as it is) and the
// command's own, which come first in --help together with the data options. Nothing when --help has been
// printed.
bool parse_data_options(const std::string& command, const std::string& usage, RunConfig& config,
                        std::vector<FieldRef> own, Args args);

// The short form of the check, logged: warnings and errors of the rows that are about to be trained.
void log_short_check(const DataOptions& options, const RowSet& train, const RowSet& validation);

// A warning when trained turns of chats do not train their end.
void warn_open_turns(const Dataset& train);

}  // namespace keel
