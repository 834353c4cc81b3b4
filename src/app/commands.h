// The sub-commands. Each takes the arguments after its name and returns the exit code: 0 fine, 1 a check
// failed, 2 the user's input was wrong, 3 a red line was crossed, 130 interrupted.
#pragma once

#include <span>
#include <string>

namespace keel {

using Args = std::span<const std::string>;

inline constexpr int kRedLineCode = 3;

struct Command {
  const char* name;
  const char* summary;
  int (*run)(Args args);
};

int run_train(Args args);
int run_advise(Args args);
int run_eval(Args args);
int run_compare(Args args);
int run_generate(Args args);
int run_chat(Args args);
int run_import(Args args);
int run_merge(Args args);
int run_report(Args args);
int run_data(Args args);
int run_demo(Args args);
int run_options(Args args);
int run_version(Args args);

std::span<const Command> commands();

}  // namespace keel
