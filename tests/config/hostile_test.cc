// Configuration files that are made to break the reader.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fs.h"
#include "config/run_config.h"
#include "support/error_of.h"
#include "support/paths.h"

namespace keel {
namespace {

std::string error_for(const std::string& yaml) {
  const test::TempDir dir;
  write_file(dir / "x.yaml", yaml);
  return test::error_of([&] { load_run_config({(dir / "x.yaml").string()}); });
}

std::string list_of(const std::string& item, int n) {
  std::string out = "[";
  for (int i = 0; i < n; ++i) out += (i == 0 ? "" : ",") + item;
  return out + "]";
}

// Three lines that stand for 10^9 words.
TEST(HostileConfig, AListOfListsOfListsIsToldInShort) {
  const std::string text = error_for("a: &a " + list_of("word", 1000) + "\nb: &b " + list_of("*a", 1000) +
                                     "\nlearning_rate: " + list_of("*b", 1000) + "\nmystery: *b\n");
  EXPECT_THAT(text, testing::HasSubstr("learning_rate"));
  EXPECT_LT(text.size(), 20'000U);
}

TEST(HostileConfig, AListThatContainsItselfIsToldInShort) {
  const std::string text = error_for("dataset: &d " + list_of("*d", 1000) + "\nseed: *d\n");
  EXPECT_THAT(text, testing::HasSubstr("seed"));
  EXPECT_LT(text.size(), 20'000U);
}

TEST(HostileConfig, DeepNestsAreNoYaml) {
  EXPECT_THAT(error_for("seed: " + std::string(100'000, '[')), testing::HasSubstr("x.yaml:1:"));
}

}  // namespace
}  // namespace keel
