// keel eval --suite: probes by dimension, compared with another model on request.
#pragma once

#include <string>

#include "config/run_config.h"

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

// Exit code: 0, or 3 when a gate of the suite is crossed. config: model, template and threads are read.
int run_suite(const SuiteOptions& options, const RunConfig& config, const std::string& output_dir);

}  // namespace keel
