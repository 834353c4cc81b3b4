#include "app/samples.h"

#include <algorithm>

#include "base/fs.h"
#include "base/json.h"
#include "eval/generate.h"

namespace keel {

Json SampleSet::to_json() const {
  Json out = Json::array();
  for (const Sample& s : samples) {
    Json answers = Json::array();
    for (const auto& [name, text] : s.answers) answers.push_back({{"name", name}, {"text", text}});
    out.push_back({{"prompt", s.prompt}, {"reference", s.reference}, {"answers", answers}});
  }
  return out;
}

bool SampleSet::read_answers(const std::filesystem::path& file) {
  if (!fs::exists(file)) return false;
  const Json saved = read_json(file);
  if (!saved.is_array() || saved.size() != samples.size()) return false;
  std::vector<Sample> filled = samples;
  for (size_t i = 0; i < filled.size(); ++i) {
    const Json& sample = saved[i];
    if (sample.value("prompt", "") != filled[i].prompt || !sample.contains("answers")) return false;
    for (const Json& a : sample["answers"])
      filled[i].answers.emplace_back(a.value("name", ""), a.value("text", ""));
  }
  samples = std::move(filled);
  return true;
}

SampleSet pick_samples(const ChatModel& model, const ExampleSet& set, int64_t count) {
  SampleSet out;
  const size_t n = std::min(set.size(), static_cast<size_t>(count));
  for (size_t i = 0; i < n; ++i) {
    const Example e = set[i * set.size() / n];
    const auto trained = [](float w) { return w != 0; };
    const int64_t begin = e.prompt_size();
    if (begin < 2 || begin == e.size()) continue;  // plain text has no prompt
    const auto end = std::find_if_not(e.weight.begin() + begin, e.weight.end(), trained) - e.weight.begin();
    SampleSet::Sample s{
        .prompt_ids = {e.ids.begin(), e.ids.begin() + begin}, .prompt = {}, .reference = {}, .answers = {}};
    s.prompt = model.tokenizer.decode(s.prompt_ids, true);
    s.reference = model.tokenizer.decode(
        std::span(e.ids).subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)), true);
    out.samples.push_back(std::move(s));
  }
  return out;
}

void answer_samples(SampleSet& set, ChatModel& model, const std::string& name,
                    const GenerateOptions& options) {
  std::vector<std::vector<int32_t>> prompts;
  for (const auto& s : set.samples) prompts.push_back(s.prompt_ids);
  const std::vector<Answer> answers = generate(model, prompts, options);
  for (size_t i = 0; i < answers.size(); ++i) set.samples[i].answers.emplace_back(name, answers[i].text);
}

}  // namespace keel
