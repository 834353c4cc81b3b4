#include "app/commands.h"

#include <array>

namespace keel {

std::span<const Command> commands() {
  static constexpr std::array kCommands{
      Command{"train", "fine-tune: keel train CONFIG.yaml [--key value …]", run_train},
      Command{"advise", "what the base says of the data; loss, learning rates and protection to begin with",
              run_advise},
      Command{"eval", "a suite of probes, compared with a base on request; or the NLL of files", run_eval},
      Command{"compare", "keel compare PLAN.yaml: arms × learning rates × seeds, and what they show",
              run_compare},
      Command{"generate", "answer prompts from a file or the command line", run_generate},
      Command{"chat", "talk to a model in the terminal", run_chat},
      Command{"import", "keel import MODEL.gguf OUT: a GGUF file to a Hugging Face folder", run_import},
      Command{"merge", "fold a LoRA adapter into its base model", run_merge},
      Command{"data", "keel data check | clean: what is wrong with the rows, and a cleaned copy", run_data},
      Command{"report", "keel report RUN: write report.html of a run folder again", run_report},
      Command{"demo", "fine-tune on the bundled harbour and compare base, plain SFT and NLIRG", run_demo},
      Command{"options", "print the option reference as Markdown", run_options},
      Command{"version", "versions of the program and of what it is linked with", run_version},
  };
  return kCommands;
}

}  // namespace keel
