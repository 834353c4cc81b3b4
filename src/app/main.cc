// keel: chooses the sub-command and turns every failure into a message and an exit code.
#include <c10/util/Exception.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "app/commands.h"
#include "app/idle_threads.h"
#include "base/error.h"
#include "base/lost_file.h"
#include "base/names.h"
#include "base/utf8.h"

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

// Without a call that asks for memory.
int out_of_memory() {
  std::fputs(
      "keel: out of memory\n"
      "  wanted: more than this machine, its container or a limit (ulimit -v) gives\n"
      "  try:    a smaller batch or cutoff_len, gradient_checkpointing: true, or fewer other programs; "
      "a run goes on with --resume\n",
      stderr);
  return 2;
}

int tensor_library_failed(const c10::Error& e) {
  const std::string text = e.what_without_backtrace();
  if (dynamic_cast<const c10::OutOfMemoryError*>(&e) ||
      text.find("can't allocate memory") != std::string::npos)
    return out_of_memory();
  fmt::print(stderr, "keel: the tensor library failed: {}\n  try:    please report it\n", text);
  return 70;
}

// The message of the exception that is being handled, and the exit code.
int told_failure() {
  try {
    throw;
  } catch (const UserError& e) {
    fmt::print(stderr, "keel: {}\n", for_terminal(e.what()));
    return 2;
  } catch (const std::filesystem::filesystem_error& e) {  // what no check of ours has put better
    fmt::print(stderr, "keel: {}: {}\n", for_terminal(e.path1().string()), e.code().message());
    return 2;
  } catch (const c10::Error& e) {
    return tensor_library_failed(e);
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  } catch (const std::exception& e) {
    fmt::print(stderr, "keel: this is a bug in keel, please report it: {}\n", for_terminal(e.what()));
  } catch (...) {
    std::fputs("keel: this is a bug in keel, please report it: an exception without a text\n", stderr);
  }
  return 70;
}

int guarded(const std::vector<std::string>& args) {
  try {
    return dispatch(args);
  } catch (...) {
    return told_failure();
  }
}

// Whether the system still gives what a small program needs.
bool has_memory() {
  const std::unique_ptr<std::byte[]> some(new (std::nothrow) std::byte[size_t{64} << 20]);
  return some != nullptr;
}

// An exception that left a thread of the tensor library or a function that may not throw, or for which there
// was no memory. Nothing is tidied up, as after a kill.
[[noreturn]] void end_at_once() {
  if (!has_memory()) ::_exit(out_of_memory());
  if (std::current_exception()) ::_exit(told_failure());
  std::fputs("keel: this is a bug in keel, please report it: ended without a reason\n", stderr);
  ::_exit(70);
}

}  // namespace
}  // namespace keel

int main(int argc, char** argv) {
  std::set_terminate(keel::end_at_once);
  keel::tell_of_lost_files();
  ::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow any more is an error with a text, not the end
  keel::keep_idle_threads_quiet(argv);
  return keel::guarded(std::vector<std::string>(argv + 1, argv + argc));
}
