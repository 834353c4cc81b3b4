// Tensors to a safetensors file and back. tests/checkpoint/format has the files that lie.
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/fs.h"
#include "checkpoint/safetensors_bytes.h"
#include "checkpoint/tensors.h"
#include "support/paths.h"

namespace keel {
namespace {

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
  std::string bytes = test::safetensors_bytes(
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
