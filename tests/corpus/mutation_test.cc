// Files with random damage: whatever is in them, reading ends in records, rejections or a UserError.
#include <gtest/gtest.h>

#include <random>

#include "base/error.h"
#include "base/fs.h"
#include "corpus/corpus.h"
#include "support/paths.h"

namespace keel {
namespace {

const char* const kSeeds[] = {
    R"([{"instruction":"a","input":"","output":"b","history":[["c","d"]]},
{"conversations":[{"from":"human","value":"q"},{"from":"function_call","value":"{\"name\":\"f\",\"arguments\":{}}"},
{"from":"observation","value":"1"},{"from":"gpt","value":"x"}],"tools":"[{\"name\":\"f\"}]"}])",
    R"({"messages":[{"role":"user","content":[{"type":"text","text":"q"}]},{"role":"assistant","content":"a","weight":1}]}
{"prompt":"p","completion":"\u00e9"}
{"history":["[A] q","[B] a"]}
{"text":"words"})"};

std::string damaged(std::string bytes, std::mt19937& random) {
  constexpr std::string_view kSpice =
      "{}[],:\"\\ \n\xFF"
      "0-e.null";
  for (unsigned n = 1 + random() % 4; n > 0 && !bytes.empty(); --n) {
    const size_t at = random() % bytes.size();
    switch (random() % 4) {
      case 0:
        bytes[at] = kSpice[random() % kSpice.size()];
        break;
      case 1:
        bytes.erase(at, 1 + random() % 8);
        break;
      case 2:
        bytes.insert(at, 1, kSpice[random() % kSpice.size()]);
        break;
      default:
        bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 20));
    }
  }
  return random() % 8 == 0 ? bytes.substr(0, random() % (bytes.size() + 1)) : bytes;
}

TEST(DamagedFiles, NeverCrashTheReaders) {
  const test::TempDir dir;
  std::mt19937 random(3);
  size_t records = 0, rejections = 0, refused = 0;
  for (int i = 0; i < 3000; ++i) {
    const fs::path path = dir / "x.json";
    {
      std::error_code ec;
      fs::remove(path, ec);
      AppendFile(path).append(damaged(kSeeds[random() % std::size(kSeeds)], random));
    }
    try {
      const Corpus corpus = read_corpus(path, {.max_rejected = 1});
      records += corpus.records.size();
      rejections += corpus.rejections.size();
      for (const Rejection& r : corpus.rejections) to_json(r).dump();  // throws unless it is UTF-8
    } catch (const UserError&) {
      ++refused;
    }
  }
  // The damage is of every degree.
  EXPECT_GT(records, 500U);
  EXPECT_GT(rejections, 500U);
  EXPECT_GT(refused, 10U);
}

}  // namespace
}  // namespace keel
