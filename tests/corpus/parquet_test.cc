// Parquet files made by tests/golden/make_parquet.py: every value as JSON, every common compression, damage.
#include "corpus/parquet.h"

#include <gmock/gmock.h>

#include <random>

#include "base/error.h"
#include "base/fs.h"
#include "corpus/corpus.h"
#include "support/error_of.h"
#include "support/paths.h"

namespace keel {
namespace {

using test::error_of;
using ::testing::HasSubstr;

fs::path golden(const std::string& name) { return test::golden_dir() / "parquet" / name; }

std::vector<std::string> lines(const fs::path& path) {
  std::vector<std::string> out;
  split_parquet(path, [&](std::string_view text, int64_t line) {
    EXPECT_EQ(line, static_cast<int64_t>(out.size()) + 1);
    out.emplace_back(text);
    return true;
  });
  return out;
}

TEST(Parquet, ValuesComeOutAsJson) {
  const auto rows = lines(golden("kinds.parquet"));
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(Json::parse(rows[0]),
            Json::parse(R"({"prompt":"How deep is the basin?","completion":"Nine metres at low water.",
    "conversations":[{"from":"human","value":"hi"}],"nested":{"deep":[1,null,3],"flag":true},"empty":[],
    "pairs":{"a":1,"b":null},"bytes":"plain","half":0.5,"small":0.10000000149011612,"big":9223372036854775809,
    "day":"2022-01-08","price":"12.50"})"));
  const Json second = Json::parse(rows[1]);
  for (const auto& [key, value] : second.items()) {
    if (key == "completion")
      EXPECT_EQ(value, "None.");
    else
      EXPECT_TRUE(value.is_null()) << key << ": " << value;
  }
}

TEST(Parquet, EveryCommonCompressionGivesTheSameChats) {
  const auto plain = lines(golden("chats-none.parquet"));
  ASSERT_EQ(plain.size(), 12U) << "three row groups";
  EXPECT_EQ(plain[11],
            R"({"id":11,"messages":[{"content":"Which berth has ship 11?","role":"user"},)"
            R"({"content":"Berth 4, on the north mole. 泊位 4。","role":"assistant"}],"source":"harbour"})");
  for (const char* codec : {"snappy", "gzip", "zstd", "lz4"})
    EXPECT_EQ(lines(golden(std::string("chats-") + codec + ".parquet")), plain) << codec;
  EXPECT_THAT(
      error_of([&] { lines(golden("chats-brotli.parquet")); }),
      HasSubstr(
          "chats-brotli.parquet after row 0: packed with brotli; read are snappy, gzip, zstd, lz4 and files "
          "that are not packed"));
}

TEST(Parquet, FilesAndFoldersReadAsAnyOther) {
  const test::TempDir dir;
  fs::copy_file(golden("chats-zstd.parquet"), dir / "part-0.parquet");
  fs::copy_file(golden("chats-snappy.parquet"), dir / "named_wrongly.json");
  const Corpus corpus = read_corpus(dir.path());
  ASSERT_EQ(corpus.records.size(), 24U);
  EXPECT_EQ(corpus.schema, "openai");
  EXPECT_EQ(corpus.records[23].place, (dir / "part-0.parquet").string() + ":12");
  EXPECT_EQ(corpus.records[0].messages[0], Json({{"role", "user"}, {"content", "Which berth has ship 0?"}}));
  EXPECT_EQ(read_corpus(golden("chats-none.parquet"), {.max_rows = 7}).records.size(), 7U);
}

TEST(Parquet, ColumnsOfNullsDoNotDecideTheSchema) {
  const test::TempDir dir;
  write_file(dir / "a.jsonl", R"({"messages":null,"prompt":"q","completion":"a"})");
  EXPECT_EQ(read_corpus(dir / "a.jsonl").schema, "prompt_completion");
}

TEST(Parquet, DamagedFilesAreErrorsAndNeverCrash) {
  const test::TempDir dir;
  const std::string whole = read_text(golden("chats-snappy.parquet"));
  const fs::path path = dir / "x.parquet";
  write_file(path, whole.substr(0, whole.size() - 9));
  EXPECT_THAT(error_of([&] { lines(path); }), HasSubstr("x.parquet: Invalid Parquet file"));
  write_file(path, "PAR1");
  EXPECT_THAT(error_of([&] { read_corpus(path); }), HasSubstr("x.parquet: "));
  EXPECT_THAT(error_of([&] { lines(dir / "none.parquet"); }), HasSubstr("No such file"));
  std::mt19937 random(5);
  size_t read = 0, refused = 0;
  for (int i = 0; i < 400; ++i) {
    std::string bytes = whole;
    for (int n = 0; n < 3; ++n) bytes[random() % bytes.size()] = static_cast<char>(random());
    fs::remove(path);
    AppendFile(path).append(bytes);
    try {
      read += lines(path).size();
    } catch (const UserError&) {
      ++refused;
    }
  }
  EXPECT_GT(read, 100U);
  EXPECT_GT(refused, 50U);
}

}  // namespace
}  // namespace keel
