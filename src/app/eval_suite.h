// keel eval --suite: probes by dimension, compared with another model on request.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/run_config.h"
#include "eval/suite.h"

namespace keel {

struct SuiteOptions {
  std::string suite, split = "all", against;

  template <class V>
  void fields(V& v) {
    v.group("suite");
    v("suite", suite,
      "suite of probes: a YAML file, a JSONL file of probes, or the name of a bundled one (general)");
    v("split", split, "half of a suite, by a hash of the items' ids: monitor to look at often, final once",
      {.choices = {"all", "monitor", "final"}});
    v("against", against,
      "compare item by item with this: a model folder, or the output_dir of an earlier keel eval --suite",
      {.aliases = {"base"}});
  }
};

// It lies in examples/NAME/suite.yaml, here or beside the build folder that holds the program; nothing where
// it does not.
std::optional<std::filesystem::path> bundled_suite(const std::string& name);

// Of a file, or a bundled one by its name. UserError: all mistakes in it.
Suite load_suite(const std::string& name);

// All items in the suite's order. What is too long for the model is told before anything runs. name: for the
// progress line.
std::vector<ProbeResult> ask_suite(const Suite& suite, ChatModel& model, const std::string& name);

// Exit code: 0, or 3 when a gate of the suite is crossed. config: model, template and threads are read.
int run_suite(const SuiteOptions& options, const RunConfig& config, const std::string& output_dir);

}  // namespace keel
