#include "app/data.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/names.h"

namespace keel {
namespace {

constexpr std::array kDataCommands{
    Command{"check", "what is in the rows, what is wrong with them and what to do", run_data_check},
    Command{"preview", "the first rows as the tokens that are trained, coloured, also as a page",
            run_data_preview},
    Command{"clean", "a new file without repeats, empty replies and (when asked) personal data",
            run_data_clean},
    Command{"rewrite", "a new file whose replies are the model's own words, where they are still right",
            run_data_rewrite},
};

void print_usage() {
  fmt::print(
      "usage: keel data COMMAND [CONFIG.yaml] [--key value …]   (keel data COMMAND --help for its "
      "options)\n\n");
  for (const Command& c : kDataCommands) fmt::print("  {:10} {}\n", c.name, c.summary);
}

}  // namespace

int run_data(Args args) {
  if (!args.empty() && (args[0] == "--help" || args[0] == "-h")) {
    print_usage();
    return 0;
  }
  std::vector<std::string> known;
  for (const Command& c : kDataCommands) known.emplace_back(c.name);
  if (args.empty())
    throw UserError(
        {.where = "keel data", .found = "no command", .wanted = join(known), .hint = "keel data --help"});
  const auto found = std::ranges::find_if(kDataCommands, [&](const Command& c) { return args[0] == c.name; });
  if (found == kDataCommands.end()) {
    const std::string near = nearest_name(args[0], known);
    throw UserError({.where = "keel data",
                     .found = fmt::format("unknown command \"{}\"{}", args[0],
                                          near.empty() ? "" : ". Did you mean \"" + near + "\"?"),
                     .wanted = join(known)});
  }
  return found->run(args.subspan(1));
}

}  // namespace keel
