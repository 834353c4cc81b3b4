// Headers that lie and files that are cut. Every bad file is written by hand, byte by byte.
#include "checkpoint/format/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "checkpoint/bad_file.h"
#include "checkpoint/safetensors_bytes.h"
#include "support/error_of.h"

namespace keel {
namespace {

using test::BadFile;

constexpr auto file_of = test::safetensors_bytes;

void parse_header(const std::string& bytes) {
  parse_safetensors(std::as_bytes(std::span(bytes)), "m.safetensors");
}

const std::string kDamagedFile = "\n  try:    the file is damaged or was cut: download or save it again";

std::vector<BadFile> bad_headers() {
  return {
      {"Empty", "",
       "m.safetensors: 0 bytes\n  wanted: a safetensors file, which has at least 8" + kDamagedFile},
      {"HugeHeader", std::string(8, '\x7f') + "{}",
       "m.safetensors: header length 9187201950435737471 bytes\n  wanted: at most 100000000\n"
       "  try:    this is no safetensors file, or it is damaged"},
      {"HeaderPastEnd", file_of("{}", 0).substr(0, 9),
       "m.safetensors: header length 2 bytes in a file of 9\n  wanted: a header that ends inside the file" +
           kDamagedFile},
      {"NotAnObject", file_of("[]", 0), "m.safetensors: the header is not a JSON object" + kDamagedFile},
      {"EntryNotObject", file_of(R"({"a":3})", 0),
       "m.safetensors, tensor \"a\": the entry is not an object\n  wanted: dtype, shape and data_offsets" +
           kDamagedFile},
      {"NoShape", file_of(R"({"a":{"dtype":"F32"}})", 0),
       "m.safetensors, tensor \"a\": no \"shape\"\n  wanted: dtype, shape and data_offsets" + kDamagedFile},
      {"UnknownDtype", file_of(R"({"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}})", 4),
       "m.safetensors, tensor \"a\": dtype \"F8_E4M3\"\n"
       "  wanted: F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL\n  try:    save the model in one of these "
       "types"},
      {"NegativeShape", file_of(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4),
       "m.safetensors, tensor \"a\": shape: -1\n  wanted: a whole number, 0 or more" + kDamagedFile},
      {"FractionOffset", file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0.5,4]}})", 4),
       "m.safetensors, tensor \"a\": data_offsets: 0.5\n  wanted: a whole number, 0 or more" + kDamagedFile},
      {"OffsetsNotAPair", file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 4),
       "m.safetensors, tensor \"a\": data_offsets is not a pair\n  wanted: [begin, end]" + kDamagedFile},
      {"MetadataNumber", file_of(R"({"__metadata__":{"n":1}})", 0),
       "m.safetensors: __metadata__: \"n\" is not a string\n  wanted: names and strings" + kDamagedFile},
  };
}

std::vector<BadFile> lying_lengths() {
  return {
      {"Overflow",
       file_of(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,0]}})", 0),
       "m.safetensors, tensor \"a\": shape [4294967296, 4294967296, 4] overflows" + kDamagedFile},
      {"SizeMismatch", file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4),
       "m.safetensors, tensor \"a\": data_offsets [0, 4]\n  wanted: 8 bytes for shape [2] of F32" +
           kDamagedFile},
      {"EndBeforeBegin", file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8),
       "m.safetensors, tensor \"a\": data_offsets [8, 0]\n  wanted: 8 bytes for shape [2] of F32" +
           kDamagedFile},
      {"CutData", file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 5),
       "m.safetensors, tensor \"a\": ends at byte 8 of the data, which has 5" + kDamagedFile},
      {"Overlap",
       file_of(
           R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})",
           6),
       "m.safetensors, tensor \"b\": starts at byte 2, inside the tensor before it, which ends at 4" +
           kDamagedFile},
      {"Hole", file_of(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})", 6),
       "m.safetensors, tensor \"a\": a hole of 2 bytes before it" + kDamagedFile},
      {"Tail", file_of(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 7),
       "m.safetensors: 3 bytes after the last tensor\n  wanted: a file that ends with its tensors" +
           kDamagedFile},
  };
}

class BadSafetensors : public testing::TestWithParam<BadFile> {};
TEST_P(BadSafetensors, IsRefusedWithItsReason) {
  EXPECT_EQ(test::error_of([] { parse_header(GetParam().bytes); }), GetParam().error);
}
INSTANTIATE_TEST_SUITE_P(Headers, BadSafetensors, testing::ValuesIn(bad_headers()), test::name_of);
INSTANTIATE_TEST_SUITE_P(Lengths, BadSafetensors, testing::ValuesIn(lying_lengths()), test::name_of);

TEST(Safetensors, BrokenJsonNamesTheHeader) {
  EXPECT_THAT(test::error_of([] { parse_header(file_of("{\"a\":", 0)); }),
              testing::StartsWith("m.safetensors, header: not valid JSON"));
}

// A header with any one bit turned either still describes the file or is refused; it never reads outside.
TEST(Safetensors, AnyFlippedBitIsHarmless) {
  const std::string good = file_of(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 4);
  int refused = 0;
  for (size_t bit = 0; bit < (good.size() - 4) * 8; ++bit) {
    std::string bytes = good;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    try {
      for (const auto& [name, entry] : parse_safetensors(std::as_bytes(std::span(bytes)), "m").tensors)
        EXPECT_LE(entry.end, 4u);
    } catch (const UserError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 300);
}

}  // namespace
}  // namespace keel
