#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <numeric>

#include "base/error.h"
#include "base/fields.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/lost_file.h"
#include "base/names.h"
#include "base/rng.h"
#include "support/error_of.h"
#include "support/paths.h"

namespace keel {
namespace {

TEST(Error, SaysWhereFoundWantedTry) {
  const UserError e(
      {.where = "a.yaml:3", .found = "got 5", .wanted = "a number below 1", .hint = "remove it"});
  EXPECT_STREQ(e.what(), "a.yaml:3: got 5\n  wanted: a number below 1\n  try:    remove it");
  EXPECT_THROW(KEEL_CHECK(1 == 2, "sums"), BugError);
}

TEST(Names, NearestNameFindsTyposOnly) {
  const std::vector<std::string> known{"weight_decay", "warmup_steps"};
  EXPECT_EQ(nearest_name("wieght_decay", known), "weight_decay");
  EXPECT_EQ(nearest_name("banana", known), "");
  EXPECT_EQ(edit_distance("ab", "ba"), 1u);
}

TEST(Names, GlobAndSplit) {
  EXPECT_TRUE(matches_glob("model.layers.3.mlp.up_proj", "*.mlp.*"));
  EXPECT_FALSE(matches_glob("lm_head", "*.lm_head"));
  EXPECT_TRUE(matches_glob("", "*"));
  EXPECT_THAT(split(" a, b,,c ", ','), testing::ElementsAre("a", "b", "c"));
}

TEST(Rng, StreamsAreFunctionsOfTheirKey) {
  Rng a(1, "shuffle", 2, 3), b(1, "shuffle", 2, 3), c(1, "dropout", 2, 3), d(1, "shuffle", 3, 2);
  const uint64_t first = a.next();
  EXPECT_EQ(first, b.next());
  EXPECT_NE(first, c.next());
  EXPECT_NE(first, d.next());
}

TEST(Rng, MomentsAndPermutation) {
  Rng rng(7, "test");
  double sum = 0, squares = 0;
  constexpr int n = 20000;
  for (int i = 0; i < n; ++i) {
    const double x = rng.normal();
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / n, 0, 4 / std::sqrt(n));            // four standard errors
  EXPECT_NEAR(squares / n, 1, 4 * std::sqrt(2.0 / n));  // variance of x² is 2
  std::vector<int> items(100);
  std::iota(items.begin(), items.end(), 0);
  std::vector<int> shuffled = items;
  rng.shuffle(std::span(shuffled));
  EXPECT_NE(shuffled, items);
  EXPECT_THAT(shuffled, testing::UnorderedElementsAreArray(items));
}

TEST(Fs, WriteIsAllOrNothing) {
  const test::TempDir dir;
  write_file(dir / "deep/a.txt", "one");
  {
    PartFile part(dir / "deep/a.txt");
    part.write("two");
  }  // not committed
  EXPECT_EQ(read_text(dir / "deep/a.txt"), "one");
  EXPECT_FALSE(fs::exists(dir / "deep/a.txt.part"));
  try {
    read_text(dir / "none");
    FAIL();
  } catch (const UserError& e) {
    EXPECT_THAT(e.what(), testing::HasSubstr("cannot open: No such file"));
  }
}

std::string counted_bytes(size_t n) {
  std::string out(n, '\0');
  for (size_t i = 0; i < n; ++i) out[i] = static_cast<char>(i * 2654435761U >> 24);
  return out;
}

TEST(Fs, PastTheCacheTheSameBytesAreWritten) {
  const test::TempDir dir;
  constexpr size_t kBlock = size_t{4} << 20;
  for (const size_t n :
       {size_t{0}, size_t{1}, size_t{4096}, kBlock - 1, kBlock, kBlock + 1, 2 * kBlock + 77}) {
    const std::string bytes = counted_bytes(n);
    PartFile part(dir / "a", PartFile::Via::disk);
    for (size_t at = 0, piece = 1; at < n; at += piece, piece = 3 * piece + 1)
      part.write(std::string_view(bytes).substr(at, piece));
    part.commit();
    EXPECT_TRUE(read_text(dir / "a") == bytes) << n;
  }
}

TEST(Fs, PartFolderRefusesAFullTargetAndLeavesNothing) {
  const test::TempDir dir;
  {
    PartFolder out(dir / "out");
    write_file(out.dir() / "x", "1");
  }
  EXPECT_FALSE(fs::exists(dir / "out"));
  EXPECT_FALSE(fs::exists(dir / "out.part"));
  {
    PartFolder out(dir / "out");
    write_file(out.dir() / "x", "1");
    out.commit();
  }
  EXPECT_EQ(read_text(dir / "out/x"), "1");
  EXPECT_THROW(PartFolder again(dir / "out"), UserError);
}

TEST(Fs, PartFolderTakesThePlaceOfAFullOne) {
  const test::TempDir dir;
  write_file(dir / "out/old", "1");
  const auto make = [&](bool commit) {
    PartFolder out(dir / "out", PartFolder::Existing::replace);
    write_file(out.dir() / "new", "2");
    if (commit) out.commit();
  };
  make(false);
  EXPECT_THAT(list_files(dir.path()), testing::ElementsAre(dir / "out/old"));
  make(true);
  EXPECT_THAT(list_files(dir.path()), testing::ElementsAre(dir / "out/new"));
}

TEST(Fs, WhatIsRemovedWhileItIsWrittenIsNotMadeAnewByHalves) {
  const test::TempDir dir;
  PartFolder folder(dir / "run/out");
  AppendFile file(dir / "run/log");
  write_file(folder.dir() / "a", "1");
  file.append("a\n");
  fs::rename(dir / "run", dir / "moved");
  write_file(folder.dir() / "b", "2");
  write_file(dir / "run/log", "");
  const std::string rest =
      " was moved or removed while it was being written\n"
      "  wanted: a folder that nobody else changes during the run\n"
      "  try:    if it was moved, --resume goes on in its new place";
  EXPECT_EQ(test::error_of([&] { folder.commit(); }), (dir / "run/out.part").string() + ":" + rest);
  EXPECT_EQ(test::error_of([&] { file.append("b\n"); }), (dir / "run/log").string() + ":" + rest);
  EXPECT_FALSE(fs::exists(dir / "run/out"));
}

TEST(Fs, AnAppendThatFailsLeavesNothingOfItsText) {
  const test::TempDir dir;
  AppendFile file(dir / "log");
  file.append("ab\n");
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto old = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{.rlim_cur = 5, .rlim_max = before.rlim_max};  // two bytes of the next line fit
  ::setrlimit(RLIMIT_FSIZE, &tight);
  const std::string error = test::error_of([&] { file.append("cdef\n"); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, old);
  EXPECT_EQ(error, (dir / "log").string() +
                       ": cannot write: File too large\n"
                       "  try:    allow larger files (ulimit -f), or choose a disk that holds them");
  EXPECT_EQ(read_text(dir / "log"), "ab\n");
}

// The second block does not fit.
TEST(Fs, PastTheCacheAFailureIsToldAndLeavesNothing) {
  const test::TempDir dir;
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto old = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{.rlim_cur = 6 << 20, .rlim_max = before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &tight);
  const std::string error = test::error_of([&] {
    PartFile part(dir / "a", PartFile::Via::disk);
    part.write(counted_bytes(9 << 20));
    part.commit();
  });
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, old);
  EXPECT_EQ(error, (dir / "a").string() +
                       ": cannot write: File too large\n"
                       "  try:    allow larger files (ulimit -f), or choose a disk that holds them");
  EXPECT_TRUE(fs::is_empty(dir.path()));
}

TEST(Fs, FilesAndFoldersByName) {
  const test::TempDir dir;
  write_file(dir / "b/c/d", "12345");
  write_file(dir / "a", "1");
  EXPECT_THAT(list_folder(dir.path()), testing::ElementsAre(dir / "a", dir / "b"));
  EXPECT_THAT(list_files(dir.path()), testing::ElementsAre(dir / "a", dir / "b/c/d"));
  copy_flushed(dir / "b/c/d", dir / "copy");
  cut_file(dir / "copy", 2);
  EXPECT_EQ(read_text(dir / "copy"), "12");
  link_or_copy(dir / "a", dir / "linked");
  EXPECT_EQ(fs::hard_link_count(dir / "a"), 2u);
  remove_tree(dir / "b");
  remove_tree(dir / "b");
  EXPECT_FALSE(fs::exists(dir / "b"));
  EXPECT_GT(free_bytes(dir.path()), 0);
  EXPECT_EQ(test::error_of([&] { list_folder(dir / "b"); }),
            (dir / "b").string() +
                ": cannot list the folder: No such file or directory\n  try:    check the path for a typo");
}

TEST(Fs, AppendAndMap) {
  const test::TempDir dir;
  {
    AppendFile file(dir / "log");
    file.append("a\n");
    file.append("b\n");
  }
  const MappedFile map(dir / "log");
  EXPECT_EQ(map.bytes().size(), 4u);
  EXPECT_EQ(static_cast<char>(map.bytes()[2]), 'b');
}

// The second page is gone when it is read.
TEST(LostFileDeathTest, IsNamed) {
  const test::TempDir dir;
  const std::string name = (dir / "weights").string();
  EXPECT_EXIT(
      {
        tell_of_lost_files();
        write_file(name, counted_bytes(10'000));
        const MappedFile file(name);
        cut_file(name, 10);
        const volatile std::byte lost = file.bytes()[9'000];
        static_cast<void>(lost);
      },
      testing::ExitedWithCode(2),
      testing::HasSubstr("keel: " + name +
                         ": can no longer be read: it was cut while it was used, or its disk fails\n"
                         "  wanted: files that nobody changes during the run\n"
                         "  try:    look whether something overwrites it, and into the system's log; a run "
                         "goes on with --resume\n"));
}

TEST(Fields, CollectsNamesInOrder) {
  struct Options {
    double rate = 1;
    bool on = false;
    void fields(FieldCollector& v) {
      v.group("g");
      v("rate", rate, "a rate", {.aliases = {"lr"}, .min = 0});
      v("on", on, "a switch");
    }
  } options;
  const auto fields = collect_fields(options);
  ASSERT_EQ(fields.size(), 2u);
  EXPECT_EQ(fields[0].extra.aliases.front(), "lr");
  *std::get<bool*>(fields[1].value) = true;
  EXPECT_TRUE(options.on);
}

TEST(Log, Durations) {
  EXPECT_EQ(format_duration(45), "45 s");
  EXPECT_EQ(format_duration(185), "3 min 05 s");
  EXPECT_EQ(format_duration(7800), "2 h 10 min");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1000), "1,000");
  EXPECT_EQ(format_count(-1234567), "-1,234,567");
  EXPECT_EQ(format_bytes(3.8e9), "3.8 GB");
}

}  // namespace
}  // namespace keel
