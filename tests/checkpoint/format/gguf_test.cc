// The GGUF reader on files that lie. Every number that the file can hold is checked before it is believed.
#include "checkpoint/format/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/fs.h"
#include "checkpoint/bad_file.h"
#include "checkpoint/gguf_bytes.h"
#include "support/error_of.h"
#include "support/paths.h"

namespace keel {
namespace {

using test::BadFile;

using test::GgufBytes;

void parse_whole(const std::string& bytes) { parse_gguf(std::as_bytes(std::span(bytes)), "m.gguf"); }

const std::string kDamaged = "\n  try:    the file is damaged or was cut: download it again";
constexpr uint64_t kBillion = 1'000'000'000;

std::vector<BadFile> bad_starts() {
  return {
      {"Empty", "", "m.gguf: magic number: needs 1 bytes at 0, the file ends at 0" + kDamaged},
      {"OtherFile", "PK\3\4 a zip",
       "m.gguf: does not start with GGUF\n  wanted: a GGUF file\n  try:    check the path"},
      {"Version1", GgufBytes().start(0, 0, 1).done(),
       "m.gguf: GGUF version 1\n  wanted: version 2 or 3, little-endian\n  try:    convert the model again"},
      {"BigEndian", GgufBytes().start(0, 0, 0x03000000).done(),
       "m.gguf: GGUF version 50331648\n  wanted: version 2 or 3, little-endian\n  try:    convert the model "
       "again"},
      {"ManyTensors", GgufBytes().start(kBillion, 0).done(),
       "m.gguf: tensor count: 1000000000 entries, but only 8 bytes are left" + kDamaged},
      {"ManyKeys", GgufBytes().start(0, kBillion).done(),
       "m.gguf: metadata count: 1000000000 entries, but only 0 bytes are left" + kDamaged},
  };
}

std::vector<BadFile> bad_metadata() {
  GgufBytes deep;
  deep.start(0, 1).key("deep", 9);
  for (int i = 0; i < 40; ++i) deep.put<uint32_t>(9).put<uint64_t>(1);
  return {
      {"LongString", GgufBytes().start(0, 1).key("k", 8).put<uint64_t>(~0ULL).done(),
       "m.gguf: metadata \"k\": needs 18446744073709551615 bytes at 45, the file ends at 45" + kDamaged},
      {"UnknownKind", GgufBytes().start(0, 1).key("k", 77).put<uint64_t>(0).done(),
       "m.gguf: metadata \"k\": value type 77\n  wanted: a type from 0 to 12" + kDamaged},
      {"HugeArray", GgufBytes().start(0, 1).key("k", 9).put<uint32_t>(8).put<uint64_t>(kBillion).done(),
       "m.gguf: metadata \"k\": 1000000000 entries, but only 0 bytes are left" + kDamaged},
      {"DeepArray", deep.done(),
       "m.gguf: metadata \"deep\": arrays nested too deeply\n  wanted: at most 4 levels" + kDamaged},
      {"KeyTwice", GgufBytes().start(0, 2).number("k", 1).number("k", 2).done(),
       "m.gguf: metadata \"k\" is there twice" + kDamaged},
      {"Alignment", GgufBytes().start(0, 1).number("general.alignment", 24).done(),
       "m.gguf: general.alignment: 24\n  wanted: a power of two up to 1048576" + kDamaged},
  };
}

std::vector<BadFile> bad_tensors() {
  const auto one = [](std::vector<uint64_t> sides, uint32_t type, uint64_t offset, size_t data) {
    return GgufBytes().start(1, 0).tensor("t", std::move(sides), type, offset).data(data);
  };
  const std::string known = "F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K";
  return {
      {"UnreadableType", one({256}, 10, 0, 84),
       "m.gguf: tensor \"t\": Q2_K\n  wanted: " + known +
           "\n  try:    take the model in another quantisation, for example Q8_0"},
      {"FiveSides", one({1, 1, 1, 1, 1}, 0, 0, 4),
       "m.gguf: tensor \"t\": 5 dimensions\n  wanted: 1 to 4" + kDamaged},
      {"ZeroSide", one({4, 0}, 0, 0, 4),
       "m.gguf: tensor \"t\": a side of 0\n  wanted: a positive size" + kDamaged},
      {"Overflow", one({1ULL << 40, 1ULL << 40}, 0, 0, 4),
       "m.gguf: tensor \"t\": shape [1099511627776, 1099511627776] overflows" + kDamaged},
      {"PartOfABlock", one({33, 2}, 8, 0, 100),
       "m.gguf: tensor \"t\": rows of 33 values\n  wanted: whole blocks of 32 for Q8_0" + kDamaged},
      {"CutData", one({32, 2}, 8, 0, 67),
       "m.gguf: tensor \"t\": 68 bytes at 0 of the data, which has 67" + kDamaged},
      {"OffsetPastEnd", one({1}, 0, 1ULL << 62, 4),
       "m.gguf: tensor \"t\": 4 bytes at 4611686018427387904 of the data, which has 4" + kDamaged},
      {"CrookedOffset", one({1}, 0, 4, 64),
       "m.gguf: tensor \"t\": offset 4\n  wanted: a multiple of 32" + kDamaged},
      {"TensorTwice", GgufBytes().start(2, 0).tensor("t", {1}, 0, 0).tensor("t", {1}, 0, 0).data(4),
       "m.gguf: tensor \"t\" is there twice" + kDamaged},
  };
}

class BadGguf : public testing::TestWithParam<BadFile> {};
TEST_P(BadGguf, IsRefusedWithItsReason) {
  EXPECT_EQ(test::error_of([] { parse_whole(GetParam().bytes); }), GetParam().error);
}
INSTANTIATE_TEST_SUITE_P(Starts, BadGguf, testing::ValuesIn(bad_starts()), test::name_of);
INSTANTIATE_TEST_SUITE_P(Metadata, BadGguf, testing::ValuesIn(bad_metadata()), test::name_of);
INSTANTIATE_TEST_SUITE_P(Tensors, BadGguf, testing::ValuesIn(bad_tensors()), test::name_of);

TEST(Gguf, EveryPrefixOfAFileIsRefused) {
  const std::string whole = read_text(test::golden_dir() / "gguf/quants.gguf");
  ASSERT_NO_THROW(parse_whole(whole));
  // The converter pads the last tensor; a file without that padding is whole.
  for (size_t length = 0; length + 32 < whole.size(); ++length)
    ASSERT_THROW(parse_whole(whole.substr(0, length)), UserError) << length;
}

TEST(Gguf, AnyFlippedBitOfTheHeaderIsHarmless) {
  std::string bytes = GgufBytes()
                          .start(1, 3)
                          .word("general.architecture", "llama")
                          .number("general.alignment", 32)
                          .words("w", {"a", "bc"})
                          .tensor("t", {32, 2}, 8, 0)
                          .data(68);
  ASSERT_NO_THROW(parse_whole(bytes));
  int refused = 0;
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    // Must return at all: no crash, no endless allocation.
    refused += test::refusal_of([&] { parse_whole(bytes); }).has_value();
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
  }
  EXPECT_GT(refused, 500);
}

TEST(Gguf, ReadsEveryKindOfMetadata) {
  GgufBytes bytes;
  bytes.start(0, 8).number("u32", 7).word("text", "é").words("words", {"a", "", "c"});
  bytes.key("f32", 6).put<float>(0.5F).key("flag", 7).put<uint8_t>(1).key("i8", 1).put<int8_t>(-3);
  bytes.key("u64", 10).put<uint64_t>(~0ULL).key("nested", 9).put<uint32_t>(9).put<uint64_t>(1);
  bytes.put<uint32_t>(0).put<uint64_t>(2).put<uint16_t>(0);
  const std::string all = bytes.done();
  const GgufFile file = parse_gguf(std::as_bytes(std::span(all)), "m.gguf");
  EXPECT_EQ(file.size("u32"), 7);
  EXPECT_EQ(file.text("text"), "é");
  EXPECT_THAT(file.texts("words"), testing::ElementsAre("a", "", "c"));
  EXPECT_EQ(file.find_number("f32"), 0.5);
  EXPECT_EQ(file.find_number("u32"), 7.0);
  EXPECT_EQ(file.find_flag("flag"), true);
  EXPECT_EQ(file.find_integer("i8"), -3);
  EXPECT_EQ(file.find_integer("absent"), std::nullopt);
  EXPECT_THROW(file.find_integer("u64"), UserError);
  EXPECT_THROW(file.size("i8"), UserError);
  EXPECT_THROW(file.text("u32"), UserError);
  EXPECT_THROW(file.integers("words"), UserError);
}

}  // namespace
}  // namespace keel
