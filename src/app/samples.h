// A few prompts answered before and after training, side by side in the report.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/example_set.h"
#include "eval/chat_model.h"
#include "eval/options.h"

namespace keel {

struct SampleSet {
  struct Sample {
    std::vector<int32_t> prompt_ids;
    std::string prompt, reference;
    std::vector<std::pair<std::string, std::string>> answers;  // (name, text)
  };
  std::vector<Sample> samples;
  Json to_json() const;  // the "samples" of summary.json

  // Takes the answers of a file that to_json() made; false when it is not there or not of these prompts.
  bool read_answers(const std::filesystem::path& file);
};

// Evenly spread over the set; the prompt of a sample ends where its first trained reply begins.
SampleSet pick_samples(const ChatModel& model, const ExampleSet& set, int64_t count);

void answer_samples(SampleSet& set, ChatModel& model, const std::string& name,
                    const GenerateOptions& options);

}  // namespace keel
