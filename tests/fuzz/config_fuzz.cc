// A run's configuration as YAML. What is accepted can be written out and read back, and is then the same.
#include "config/dump.h"
#include "config/run_config.h"
#include "config/yaml_file.h"
#include "fuzz/fuzz_target.h"

namespace keel::fuzz {
namespace {

std::string dumped(LoadedRun& run) { return dump_config(run.config.fields()); }

}  // namespace

void fuzz_one(std::string_view input) {
  const std::string path = file_of(input, ".yaml").string();
  attempt([&] { static_cast<void>(read_yaml_file(path)); });
  LoadedRun run = load_run_config({path});
  const std::string text = dumped(run);
  try {
    LoadedRun again = load_run_config({file_of(text, ".dumped.yaml").string()});
    KEEL_CHECK(dumped(again) == text, "read back as another configuration:\n" + text);
  } catch (const UserError& error) {
    throw BugError(std::string("a configuration that was accepted is refused when read back: ") +
                   error.what());
  }
}

}  // namespace keel::fuzz
