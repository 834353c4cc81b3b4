// A few held-out prompts: what the model answers before and after training, side by side in the report, and
// what it thinks of each token of the right reply.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "app/token_view.h"
#include "data/example_set.h"
#include "eval/chat_model.h"
#include "eval/options.h"
#include "loss/options.h"

namespace keel {

// Of each piece of a reply. A piece of several tokens has their sum of nll and their mean of the others.
struct ReplyReading {
  std::vector<double> nll, entropy;  // nats
  std::vector<double> weight;        // none where a token's own loss does not give it
};

struct SampleSet {
  struct Sample {
    Example row;  // up to the end of the first trained reply
    std::string prompt, reference;
    std::vector<TokenPiece> pieces = {};                              // of the reply, up to kMostPieces
    std::vector<std::pair<std::string, std::string>> answers = {};    // (name, text)
    std::vector<std::pair<std::string, ReplyReading>> readings = {};  // (name, reading)

    std::vector<int32_t> prompt_ids() const { return {row.ids.begin(), row.ids.begin() + row.prompt_size()}; }
  };
  std::vector<Sample> samples;
  Json to_json() const;  // the "samples" of summary.json

  // Takes the answers and readings of a file that to_json() made; false when it is not there or not of these
  // prompts.
  bool read(const std::filesystem::path& file);
};

inline constexpr size_t kMostPieces = 240;

// Evenly spread over the set; the prompt of a sample ends where its first trained reply begins.
SampleSet pick_samples(const ChatModel& model, const ExampleSet& set, int64_t count);

void answer_samples(SampleSet& set, ChatModel& model, const std::string& name,
                    const GenerateOptions& options);

// What the model says of the replies. loss: the run's; its weighting counts where it looks at nothing but the
// token itself.
void read_replies(SampleSet& set, ChatModel& model, const std::string& name, const LossOptions& loss);

}  // namespace keel
