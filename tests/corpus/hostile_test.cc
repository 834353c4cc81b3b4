// Rows that are made to break a reader.
#include <gtest/gtest.h>

#include "base/fs.h"
#include "corpus/corpus.h"
#include "support/paths.h"

namespace keel {
namespace {

TEST(HostileRows, DeepJsonInsideATextIsABadRow) {
  const test::TempDir dir;
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  const Json row{
      {"messages", {{{"role", "user"}, {"content", "q"}}, {{"role", "assistant"}, {"content", "a"}}}},
      {"tools", deep}};
  write_file(dir / "x.jsonl", row.dump() + "\n{\"text\":\"good\"}\n");
  const Corpus corpus = read_corpus(dir / "x.jsonl", {.max_rejected = 1});
  ASSERT_EQ(corpus.rejections.size(), 1U);
  EXPECT_EQ(corpus.rejections[0].field, "tools");
  EXPECT_EQ(corpus.rejections[0].wanted, "a list of tools");
  EXPECT_EQ(corpus.records.size(), 1U);
}

}  // namespace
}  // namespace keel
