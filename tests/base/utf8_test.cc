#include "base/utf8.h"

#include <gtest/gtest.h>

namespace keel {
namespace {

TEST(Utf8, IllFormedTextIsReplacedPieceByPiece) {
  EXPECT_EQ(repair_utf8("é港🚢"), "é港🚢");
  EXPECT_EQ(repair_utf8("a\xe6\xb8"), "a\uFFFD");                          // cut character: one mark
  EXPECT_EQ(repair_utf8("\xe6\xb8z"), "\uFFFDz");                          // what follows is kept
  EXPECT_EQ(repair_utf8("\xc0\xaf"), "\uFFFD\uFFFD");                      // overlong "/"
  EXPECT_EQ(repair_utf8("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD");            // surrogate
  EXPECT_EQ(repair_utf8("\xf4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");  // above U+10FFFF
}

TEST(Utf8, CharactersOfEveryLength) {
  const std::string text = "aé港🚢\xff";
  std::u32string read;
  std::vector<size_t> ends;
  for (size_t at = 0; at < text.size();) {
    read += next_character(text, at);
    ends.push_back(at);
  }
  EXPECT_EQ(read, U"aé港🚢\uFFFD");
  EXPECT_EQ(ends, (std::vector<size_t>{1, 3, 6, 10, 11}));
}

TEST(Utf8, ATerminalGetsNoCharacterThatControlsIt) {
  EXPECT_EQ(for_terminal("港\n\ta\"é🚢"), "港\n\ta\"é🚢");
  EXPECT_EQ(for_terminal(std::string("\x1b[2J\r\0\x7f", 7)), "<U+001B>[2J<U+000D><U+0000><U+007F>");
  EXPECT_EQ(for_terminal("\u009b31m"), "<U+009B>31m");                // CSI in one character
  EXPECT_EQ(for_terminal("a\u202Eb\u2066c"), "a<U+202E>b<U+2066>c");  // the direction of text
  EXPECT_EQ(for_terminal("a\xff\xe6\xb8z"), "a\uFFFD\uFFFDz");
}

TEST(Utf8, APrefixCutsNoCharacter) {
  EXPECT_EQ(utf8_prefix("港口", 6), "港口");
  EXPECT_EQ(utf8_prefix("港口", 5), "港");
  EXPECT_EQ(utf8_prefix("港口", 3), "港");
  EXPECT_EQ(utf8_prefix("港口", 2), "");
}

}  // namespace
}  // namespace keel
