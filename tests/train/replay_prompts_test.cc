#include "train/replay_prompts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <vector>

#include "base/json.h"
#include "corpus/dedup/shingles.h"
#include "support/paths.h"

namespace keel::test {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kManyPrompts = 2000;

// A frame's places read as anything.
std::regex pattern_of(const PromptFrame& frame) {
  const std::string plain =
      std::regex_replace(std::string(frame.text), std::regex(R"([.?*+()|^$\[\]])"), R"(\$&)");
  return std::regex(std::regex_replace(plain, std::regex(R"(\{[a-z]+\})"), ".+"));
}

void add_texts(const Json& value, std::vector<std::string>& out) {
  if (value.is_string()) out.push_back(value.get<std::string>());
  if (value.is_structured()) {
    for (const Json& part : value) add_texts(part, out);
  }
}

// Every string in the bundled suite: questions, answers, texts.
std::vector<std::string> texts_of_general() {
  std::vector<std::string> out;
  for (const fs::directory_entry& file : fs::directory_iterator(source_dir() / "examples/general")) {
    if (file.path().extension() != ".jsonl") continue;
    std::ifstream lines(file.path());
    for (std::string line; std::getline(lines, line);) add_texts(Json::parse(line), out);
  }
  return out;
}

TEST(ReplayPrompts, EveryPlaceOfAFrameHasWordsOfItsLanguage) {
  const std::regex place(R"(\{([a-z]+)\})");
  for (const PromptFrame& frame : prompt_frames()) {
    const std::string text(frame.text);
    for (std::sregex_iterator it(text.begin(), text.end(), place), end; it != end; ++it) {
      if ((*it)[1] == "number") continue;
      EXPECT_GE(prompt_fillings(frame.language, (*it)[1].str()).size(), 2U) << text;
    }
  }
}

TEST(ReplayPrompts, EachFrameComesOnceBeforeOneComesAgain) {
  const auto frames = prompt_frames();
  for (const uint64_t first : {uint64_t{0}, static_cast<uint64_t>(frames.size())}) {
    std::vector<std::string> round;
    for (uint64_t i = 0; i < frames.size(); ++i) round.push_back(replay_prompt(3, first + i));
    for (const PromptFrame& frame : frames) {
      const std::regex pattern = pattern_of(frame);
      EXPECT_TRUE(std::ranges::any_of(round, [&](const std::string& p) {
        return std::regex_match(p, pattern);
      })) << frame.text;
    }
  }
}

TEST(ReplayPrompts, AreAFunctionOfSeedAndNumber) {
  std::set<std::string> one, other;
  for (uint64_t i = 0; i < 200; ++i) {
    EXPECT_EQ(replay_prompt(3, i), replay_prompt(3, i));
    EXPECT_EQ(replay_prompt(3, i).find_first_of("{}"), std::string::npos);
    one.insert(replay_prompt(3, i));
    other.insert(replay_prompt(4, i));
  }
  EXPECT_GE(one.size(), 190U) << "hardly any comes twice";
  EXPECT_NE(one, other);
}

// What measures a model is not what holds it: no wording in common (five words or Chinese characters in a row
// are fewer than the eight that would count as a copy), and no question of the suite that a frame could make.
TEST(ReplayPrompts, ShareNoWordingAndNoFrameWithTheSuiteGeneral) {
  const std::vector<std::string> general = texts_of_general();
  ASSERT_GT(general.size(), 450U);
  std::set<uint64_t> wordings;
  for (const std::string& text : general) {
    for (const uint64_t wording : shingle_set(text)) wordings.insert(wording);
  }
  for (uint64_t i = 0; i < kManyPrompts; ++i) {
    const std::string prompt = replay_prompt(1, i);
    for (const uint64_t wording : shingle_set(prompt)) EXPECT_FALSE(wordings.contains(wording)) << prompt;
  }
  for (const PromptFrame& frame : prompt_frames()) {
    const std::regex pattern = pattern_of(frame);
    for (const std::string& text : general)
      EXPECT_FALSE(std::regex_match(text, pattern)) << frame.text << " | " << text;
  }
}

}  // namespace
}  // namespace keel::test
