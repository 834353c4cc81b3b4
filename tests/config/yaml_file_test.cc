#include "config/yaml_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fs.h"
#include "support/error_of.h"
#include "support/paths.h"

namespace keel {
namespace {

class YamlText : public testing::Test {
 protected:
  YamlFile read(const std::string& text) {
    write_file(dir_ / "s.yaml", text);
    return read_yaml_file((dir_ / "s.yaml").string());
  }
  test::TempDir dir_;
};

TEST_F(YamlText, ValuesByTheirLooksAndTheirLines) {
  const YamlFile file = read("name: s\ngroups:\n  - {a: 1, b: \"2\"}\n  - a: 0.5\n    c: [x, true]\n");
  EXPECT_EQ(
      file.value,
      parse_json(R"({"name": "s", "groups": [{"a": 1, "b": "2"}, {"a": 0.5, "c": ["x", true]}]})", "test"));
  EXPECT_EQ(file.lines.at("/name"), 1);
  EXPECT_EQ(file.lines.at("/groups/0/b"), 3);
  EXPECT_EQ(file.lines.at("/groups/1/c"), 5);
  EXPECT_EQ(file.lines.at("/groups/1"), 4);
}

TEST_F(YamlText, AnEmptyDocumentAtTheEndIsNoSecondOne) {
  EXPECT_EQ(read("a: 1\n---\n").value, parse_json(R"({"a": 1})", "test"));
  EXPECT_THAT(test::error_of([&] { read("a: 1\n---\nb: 2\n"); }), testing::HasSubstr("2 documents"));
}

TEST_F(YamlText, WhatTheParserNeverTakesIsRefused) {
  EXPECT_THAT(test::error_of([&] { read("!tag,a\n"); }),
              testing::HasSubstr("s.yaml:1:5: not valid YAML: this character cannot stand here"));
  EXPECT_THAT(test::error_of([&] { read("a: 1\n]\n"); }), testing::HasSubstr("not valid YAML"));
}

TEST_F(YamlText, RefusesWhatIsNoMapOrHasAKeyTwice) {
  EXPECT_THAT(test::error_of([&] { read("a: 1\nb:\n  c: 1\n  c: 2\n"); }),
              testing::HasSubstr("s.yaml:4: the key \"c\" for the second time"));
  EXPECT_THAT(test::error_of([&] { read("- a\n"); }), testing::HasSubstr("no map at the top level"));
  EXPECT_THAT(test::error_of([&] { read("a: [1\n"); }), testing::HasSubstr("not valid YAML"));
  EXPECT_THAT(test::error_of([&] { read("a: &x [*x]\n"); }), testing::HasSubstr("contains itself"));
}

}  // namespace
}  // namespace keel
