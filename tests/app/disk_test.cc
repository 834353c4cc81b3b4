// Disks that are really full, read-only or gone. Single failing calls are the matter of tests/faults.sh.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <thread>

#include "app/program.h"
#include "base/log.h"

namespace keel {
namespace {

using test::run_keel;
using testing::HasSubstr;

// A small file system of its own at a folder, where the tests may mount one.
class Mount {
 public:
  Mount(fs::path dir, const std::string& size) : dir_(std::move(dir)) {
    make_folders(dir_);
    if (::mount("tmpfs", dir_.c_str(), "tmpfs", 0, ("size=" + size).c_str()) != 0)
      problem_ = std::string("cannot mount: ") + std::strerror(errno);
  }
  ~Mount() {
    if (problem_.empty()) ::umount2(dir_.c_str(), MNT_DETACH);
  }
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;
  const std::string& problem() const { return problem_; }
  void make_read_only() const { ::mount("tmpfs", dir_.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, ""); }

 private:
  fs::path dir_;
  std::string problem_;
};

class Disk : public test::TrainingTest {
 protected:
  std::string disk_args(const std::string& run, int steps, int save_steps = 2) const {
    return train_args(run, fmt::format("--val_size 8 --max_new_tokens 4 --sample_count 1 --eval_steps 2 "
                                       "--save_steps {} --max_steps {}",
                                       save_steps, steps));
  }

  // Runs, and does something as soon as the first step is in metrics.jsonl.
  test::Outcome run_and_meanwhile(const std::string& run, int steps,
                                  const std::function<void()>& work) const {
    std::thread other([&] {
      const fs::path file = dir_ / run / "metrics.jsonl";
      std::error_code ec;
      for (int i = 0; i < 3000 && (!fs::exists(file, ec) || fs::file_size(file, ec) == 0); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      work();
    });
    const test::Outcome outcome = run_keel(disk_args(run, steps), "timeout 60");
    other.join();
    return outcome;
  }
};

// The sizes that are told are those of the files, but for the two small ones that grow with the run.
TEST_F(Disk, WhatACheckpointTakesIsKnownAhead) {
  for (const char* kind : {"full", "lora"}) {
    const auto run = run_keel(disk_args(kind, 3) + "--finetuning_type " + kind);
    ASSERT_EQ(run.code, 0) << run.text;
    int64_t model = 0, optimiser = 0;
    for (const fs::path& file : list_files(dir_ / kind / "checkpoints/step-000002")) {
      const std::string name = file.filename().string();
      if (name == "trainer_state.json" || name == "checksums.json") continue;
      (name == "optimizer.safetensors" ? optimiser : model) += static_cast<int64_t>(fs::file_size(file));
    }
    const auto text = [](int64_t bytes) { return format_bytes(static_cast<double>(bytes)); };
    EXPECT_THAT(run.text,
                HasSubstr(fmt::format("a checkpoint takes {} (model {}, optimiser {}); kept at most: 1,",
                                      text(model + optimiser), text(model), text(optimiser))));
  }
}

TEST_F(Disk, TooSmallIsRefusedBeforeTraining) {
  const Mount disk(dir_ / "disk", "300k");
  if (!disk.problem().empty()) GTEST_SKIP() << disk.problem();
  const auto run = run_keel(disk_args("disk/run", 9));
  EXPECT_EQ(run.code, 2) << run.text;
  EXPECT_THAT(run.text, HasSubstr("keel: " + path("disk/run") + ": "));
  EXPECT_THAT(run.text, HasSubstr(" kB free on its disk\n  wanted: "));
  EXPECT_THAT(run.text, HasSubstr("for what the run keeps at once: a model of "));
  EXPECT_EQ(run.text.find("step 1/9"), std::string::npos) << run.text;
  EXPECT_FALSE(fs::exists(dir_ / "disk/run/checkpoints"));
}

TEST_F(Disk, FullDuringTheRunLosesNothing) {
  const Mount disk(dir_ / "disk", "16m");
  if (!disk.problem().empty()) GTEST_SKIP() << disk.problem();
  const auto full = run_and_meanwhile("disk/run", 100, [&] {
    for (const char* size : {"M", "k"})
      [[maybe_unused]] const int n = std::system(
          fmt::format("dd if=/dev/zero bs=1{} 2>/dev/null >> {}", size, path("disk/others")).c_str());
  });
  EXPECT_EQ(full.code, 2) << full.text;
  EXPECT_THAT(full.text,
              HasSubstr(": No space left on device\n  try:    free space on that disk, or choose"));
  fs::remove(dir_ / "disk/others");
  const auto rest = run_keel(disk_args("disk/run", 100) + "--resume");
  ASSERT_EQ(rest.code, 0) << rest.text;
  EXPECT_EQ(rest.text.find("damaged"), std::string::npos) << rest.text;
  ASSERT_EQ(run_keel(disk_args("whole", 100, 0)).code, 0);
  EXPECT_TRUE(read_text(dir_ / "disk/run/model/model.safetensors") ==
              read_text(dir_ / "whole/model/model.safetensors"));
}

// The error of a checkpoint that is written beside the training is that of one written at once, and the run
// does not go on for long.
TEST_F(Disk, ASaveThatFailsBesideTheTrainingEndsIt) {
  const auto failing = [&](const std::string& asynchronous) {
    const auto run =
        run_keel(disk_args("run", 100000, 1) + "--overwrite_output_dir --async_save " + asynchronous,
                 "ulimit -f 100; timeout 60");
    EXPECT_EQ(run.code, 2) << run.text;
    EXPECT_LT(metrics("run").size(), 1000U);
    return run.text.substr(std::min(run.text.size(), run.text.find("keel: ")));
  };
  const std::string text = failing("false");
  EXPECT_THAT(text, HasSubstr("step-000001.part/model.safetensors: cannot write: File too large\n  try: "));
  EXPECT_EQ(failing("true"), text);
  EXPECT_TRUE(fs::is_empty(dir_ / "run/checkpoints"));
}

TEST_F(Disk, ReadOnlyIsSaid) {
  const Mount disk(dir_ / "disk", "16m");
  if (!disk.problem().empty()) GTEST_SKIP() << disk.problem();
  disk.make_read_only();
  const auto run = run_keel(disk_args("disk/run", 2));
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.text, HasSubstr("keel: " + path("disk/run") +
                                  ": cannot create the folder: Read-only file system\n"
                                  "  try:    choose a folder you may write, or change its permissions"));
}

TEST_F(Disk, AFolderRemovedDuringTheRunEndsIt) {
  const auto run = run_and_meanwhile("run", 100000, [&] { fs::rename(dir_ / "run", dir_ / "moved"); });
  EXPECT_EQ(run.code, 2) << run.text;
  EXPECT_THAT(run.text,
              HasSubstr("was moved or removed while it was being written\n  wanted: a folder that nobody"));
  EXPECT_FALSE(fs::exists(dir_ / "run/model"));
}

// From its first bytes on, and in the middle of the start.
TEST_F(Disk, MemoryThatEndsIsSaid) {
  const fs::path library = fs::path(KEEL_BINARY_DIR) / "tests/faults/failing_machine.so";
  if (!fs::exists(library)) GTEST_SKIP() << "no library that lets calls fail, as in a build with sanitizers";
  for (const char* fault : {"1:gone", "3000:gone"}) {
    const auto out = run_keel(
        train_args("run", ""),
        fmt::format("env GOMP_SPINCOUNT=1000 MALLOC_CONF=retain:false,dirty_decay_ms:0 LD_PRELOAD={} "
                    "KEEL_MEMORY_FAULT={}",
                    library.string(), fault));
    EXPECT_EQ(out.code, 2) << fault << ": " << out.text;
    EXPECT_THAT(
        out.text,
        HasSubstr(
            "keel: out of memory\n"
            "  wanted: more than this machine, its container or a limit (ulimit -v) gives\n"
            "  try:    a smaller batch or cutoff_len, gradient_checkpointing: true, or fewer other programs; "
            "a run goes on with --resume\n"));
  }
}

// The sweep itself has a program of its own; here it is only kept alive.
TEST(Faults, AFewOfTheSweepLoseNothing) {
  const fs::path program = fs::path(KEEL_BINARY_DIR) / "keel";
  const fs::path library = fs::path(KEEL_BINARY_DIR) / "tests/faults/failing_machine.so";
  if (!fs::exists(library)) GTEST_SKIP() << "no library that lets calls fail, as in a build with sanitizers";
  const test::TempDir dir;
  const std::string command =
      fmt::format("{} 12 {} {} > {} 2>&1", (test::source_dir() / "tests/faults.sh").string(),
                  program.string(), library.string(), (dir / "log").string());
  EXPECT_EQ(std::system(command.c_str()), 0) << read_text(dir / "log");
  EXPECT_THAT(read_text(dir / "log"), HasSubstr(" faults, 0 failures\n"));
}

}  // namespace
}  // namespace keel
