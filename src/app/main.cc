// keel: chooses the sub-command and turns every failure into a message and an exit code.
#include <c10/util/Exception.h>
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <new>
#include <string>
#include <vector>

#include "app/commands.h"
#include "app/idle_threads.h"
#include "base/error.h"
#include "base/names.h"

namespace keel {
namespace {

void print_usage(std::FILE* out) {
  fmt::print(out, "usage: keel COMMAND [ARGUMENTS]   (keel COMMAND --help for its options)\n\n");
  for (const Command& c : commands()) fmt::print(out, "  {:10} {}\n", c.name, c.summary);
}

int unknown_command(const std::string& name) {
  std::vector<std::string> known;
  for (const Command& c : commands()) known.emplace_back(c.name);
  const std::string near = nearest_name(name, known);
  fmt::print(stderr, "keel: unknown command \"{}\"{}\n\n", name,
             near.empty() ? "" : ". Did you mean \"" + near + "\"?");
  print_usage(stderr);
  return 2;
}

int dispatch(const std::vector<std::string>& args) {
  if (args.empty() || args[0] == "--help" || args[0] == "-h" || args[0] == "help") {
    print_usage(args.empty() ? stderr : stdout);
    return args.empty() ? 2 : 0;
  }
  const auto found = std::ranges::find_if(commands(), [&](const Command& c) { return args[0] == c.name; });
  if (found == commands().end()) return unknown_command(args[0]);
  return found->run(Args(args).subspan(1));
}

int guarded(const std::vector<std::string>& args) {
  try {
    return dispatch(args);
  } catch (const UserError& e) {
    fmt::print(stderr, "keel: {}\n", e.what());
    return 2;
  } catch (const std::filesystem::filesystem_error& e) {  // what no check of ours has put better
    fmt::print(stderr, "keel: {}: {}\n", e.path1().string(), e.code().message());
    return 2;
  } catch (const c10::Error& e) {
    fmt::print(stderr,
               "keel: the tensor library failed: {}\n  try:    a smaller batch or cutoff_len if memory ran "
               "out; otherwise please report it\n",
               e.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    fmt::print(
        stderr,
        "keel: out of memory\n  try:    a smaller batch or cutoff_len, or gradient_checkpointing: true\n");
  } catch (const std::exception& e) {
    fmt::print(stderr, "keel: this is a bug in keel, please report it: {}\n", e.what());
  }
  return 70;
}

}  // namespace
}  // namespace keel

int main(int argc, char** argv) {
  ::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow any more is an error with a text, not the end
  keel::keep_idle_threads_quiet(argv);
  return keel::guarded(std::vector<std::string>(argv + 1, argv + argc));
}
