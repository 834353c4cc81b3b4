#include "base/json.h"

#include <gtest/gtest.h>

#include "base/json_nesting.h"
#include "support/error_of.h"

namespace keel {
namespace {

std::string nested(size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); }

TEST(ParseJson, RefusesWhatIsNestedTooDeeply) {
  EXPECT_EQ(parse_json(nested(200), "x.json").dump(), nested(200));
  // A million levels would end the program where the value is copied.
  for (const size_t levels : {201U, 1'000'000U})
    EXPECT_EQ(test::error_of([&] { parse_json(nested(levels), "x.json"); }),
              "x.json: JSON with values nested deeper than 200\n  try:    mend or replace the file");
}

TEST(JsonNesting, CountsBracketsOutsideStrings) {
  const JsonNesting nesting = nesting_of(R"({"a[[[": [{"b": "\"{{"}], "c": 1)");
  EXPECT_EQ(nesting.deepest(), 3);
  EXPECT_EQ(nesting.depth(), 1);
  EXPECT_EQ(nesting.colons(), 3U);
  EXPECT_FALSE(nesting.in_string());
}

}  // namespace
}  // namespace keel
