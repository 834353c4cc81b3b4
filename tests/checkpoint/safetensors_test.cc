// Headers that lie, files that are cut, and the round trip. Every bad file is written by hand, byte by byte.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "base/error.h"
#include "base/fs.h"
#include "checkpoint/format/safetensors.h"
#include "checkpoint/tensors.h"
#include "support/error_of.h"
#include "support/paths.h"

namespace keel {
namespace {

std::string file_of(const std::string& json, size_t data_bytes) {
  const uint64_t length = json.size();
  std::string out(8, '\0');
  std::memcpy(out.data(), &length, 8);
  return out + json + std::string(data_bytes, '\1');
}

void parse(const std::string& bytes) { parse_safetensors(std::as_bytes(std::span(bytes)), "m.safetensors"); }

struct BadFile {
  const char* name;
  std::string bytes;
  std::string error;
};

const std::string kDamaged = "\n  try:    the file is damaged or was cut: download or save it again";

std::vector<BadFile> bad_headers() {
  return {
      {"Empty", "", "m.safetensors: 0 bytes\n  wanted: a safetensors file, which has at least 8" + kDamaged},
      {"HugeHeader", std::string(8, '\x7f') + "{}",
       "m.safetensors: header length 9187201950435737471 bytes\n  wanted: at most 100000000\n"
       "  try:    this is no safetensors file, or it is damaged"},
      {"HeaderPastEnd", file_of("{}", 0).substr(0, 9),
       "m.safetensors: header length 2 bytes in a file of 9\n  wanted: a header that ends inside the file" +
           kDamaged},
      {"NotAnObject", file_of("[]", 0), "m.safetensors: the header is not a JSON object" + kDamaged},
      {"EntryNotObject", file_of(R"({"a":3})", 0),
       "m.safetensors, tensor \"a\": the entry is not an object\n  wanted: dtype, shape and data_offsets" +
           kDamaged},
      {"NoShape", file_of(R"({"a":{"dtype":"F32"}})", 0),
       "m.safetensors, tensor \"a\": no \"shape\"\n  wanted: dtype, shape and data_offsets" + kDamaged},
      {"UnknownDtype", file_of(R"({"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}})", 4),
       "m.safetensors, tensor \"a\": dtype \"F8_E4M3\"\n"
       "  wanted: F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL\n  try:    save the model in one of these "
       "types"},
      {"NegativeShape", file_of(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4),
       "m.safetensors, tensor \"a\": shape: -1\n  wanted: a whole number, 0 or more" + kDamaged},
      {"FractionOffset", file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0.5,4]}})", 4),
       "m.safetensors, tensor \"a\": data_offsets: 0.5\n  wanted: a whole number, 0 or more" + kDamaged},
      {"OffsetsNotAPair", file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 4),
       "m.safetensors, tensor \"a\": data_offsets is not a pair\n  wanted: [begin, end]" + kDamaged},
      {"MetadataNumber", file_of(R"({"__metadata__":{"n":1}})", 0),
       "m.safetensors: __metadata__: \"n\" is not a string\n  wanted: names and strings" + kDamaged},
  };
}

std::vector<BadFile> lying_lengths() {
  return {
      {"Overflow",
       file_of(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,0]}})", 0),
       "m.safetensors, tensor \"a\": shape [4294967296, 4294967296, 4] overflows" + kDamaged},
      {"SizeMismatch", file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4),
       "m.safetensors, tensor \"a\": data_offsets [0, 4]\n  wanted: 8 bytes for shape [2] of F32" + kDamaged},
      {"EndBeforeBegin", file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8),
       "m.safetensors, tensor \"a\": data_offsets [8, 0]\n  wanted: 8 bytes for shape [2] of F32" + kDamaged},
      {"CutData", file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 5),
       "m.safetensors, tensor \"a\": ends at byte 8 of the data, which has 5" + kDamaged},
      {"Overlap",
       file_of(
           R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})",
           6),
       "m.safetensors, tensor \"b\": starts at byte 2, inside the tensor before it, which ends at 4" +
           kDamaged},
      {"Hole", file_of(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})", 6),
       "m.safetensors, tensor \"a\": a hole of 2 bytes before it" + kDamaged},
      {"Tail", file_of(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 7),
       "m.safetensors: 3 bytes after the last tensor\n  wanted: a file that ends with its tensors" +
           kDamaged},
  };
}

class BadSafetensors : public testing::TestWithParam<BadFile> {};
TEST_P(BadSafetensors, IsRefusedWithItsReason) {
  EXPECT_EQ(test::error_of([] { parse(GetParam().bytes); }), GetParam().error);
}
const auto by_name = [](const auto& info) { return std::string(info.param.name); };
INSTANTIATE_TEST_SUITE_P(Headers, BadSafetensors, testing::ValuesIn(bad_headers()), by_name);
INSTANTIATE_TEST_SUITE_P(Lengths, BadSafetensors, testing::ValuesIn(lying_lengths()), by_name);

TEST(Safetensors, BrokenJsonNamesTheHeader) {
  EXPECT_THAT(test::error_of([] { parse(file_of("{\"a\":", 0)); }),
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

TEST(Safetensors, RoundTripKeepsBitsOfEveryType) {
  const test::TempDir dir;
  TensorMap saved;
  for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kLong, at::kInt,
                                    at::kShort, at::kChar, at::kByte, at::kBool})
    saved[at::toString(type)] = at::arange(-3, 4).to(type);
  saved["transposed"] = at::arange(6, at::kFloat).reshape({2, 3}).t();
  saved["scalar"] = at::scalar_tensor(1.5);
  saved["empty"] = at::empty({0, 3});
  save_safetensors(dir / "x.safetensors", saved, {{"format", "pt"}, {"note", "é"}});
  const SafetensorsFile loaded = read_safetensors(dir / "x.safetensors");
  EXPECT_EQ(loaded.metadata.at("note"), "é");
  ASSERT_EQ(loaded.tensors.size(), saved.size());
  for (const auto& [name, tensor] : saved) {
    EXPECT_EQ(loaded.tensors.at(name).scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(loaded.tensors.at(name).equal(tensor)) << name;
  }
}

TEST(Safetensors, TensorsOutliveTheFile) {
  const test::TempDir dir;
  save_safetensors(dir / "x.safetensors", {{"a", at::ones({1000})}});
  at::Tensor kept = load_safetensors(dir / "x.safetensors").at("a");
  std::filesystem::remove(dir / "x.safetensors");
  EXPECT_EQ(kept.sum().item<float>(), 1000);
}

TEST(Safetensors, UnalignedTensorsAreCopied) {
  const test::TempDir dir;
  const float value = 2.5F;
  std::string bytes = file_of(
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}})",
      1);
  bytes.append(reinterpret_cast<const char*>(&value), 4);
  write_file(dir / "x.safetensors", bytes);
  const TensorMap loaded = load_safetensors(dir / "x.safetensors");
  EXPECT_EQ(reinterpret_cast<uintptr_t>(loaded.at("b").const_data_ptr()) % 4, 0u);
  EXPECT_EQ(loaded.at("b").item<float>(), value);
}

TEST(Safetensors, FailedSaveLeavesNothing) {
  const test::TempDir dir;
  std::filesystem::create_directory(dir / "taken.safetensors");  // the rename onto a folder fails
  EXPECT_THROW(save_safetensors(dir / "taken.safetensors", {{"a", at::ones({3})}}), UserError);
  EXPECT_FALSE(std::filesystem::exists(dir / "taken.safetensors.part"));
}

}  // namespace
}  // namespace keel
