#include "model/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "support/error_of.h"

namespace keel::test {
namespace {

using ::testing::HasSubstr;

TEST(Device, NamesAreChecked) {
  EXPECT_EQ(choose_device("cpu"), at::Device(at::kCPU));
  for (const char* name : {"gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:999", "cud"}) {
    const std::string error = error_of([&] { choose_device(name); });
    EXPECT_THAT(error, HasSubstr(std::string("device: \"") + name + "\"")) << name;
    EXPECT_THAT(error, HasSubstr("auto, cpu, cuda or cuda:N")) << name;
  }
}

TEST(Device, WithoutAGpuAutoIsTheCpuAndCudaSaysWhy) {
  if (std::filesystem::exists("/dev/nvidiactl")) GTEST_SKIP() << "this machine has a GPU";
  EXPECT_EQ(choose_device("auto"), at::Device(at::kCPU));
  const std::string error = error_of([] { choose_device("cuda:1"); });
  EXPECT_THAT(error, HasSubstr("device: cuda:1, but "));
  EXPECT_THAT(error, HasSubstr("an NVIDIA driver and torch 2.11 with CUDA"));
  EXPECT_THAT(error, HasSubstr("device: cpu"));
}

}  // namespace
}  // namespace keel::test
