// CSV and TSV: cells as RFC 4180 has them, bad rows by line, headers that cannot be used.
#include "corpus/table.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "base/fs.h"
#include "corpus/corpus.h"
#include "support/error_of.h"
#include "support/paths.h"

namespace keel {
namespace {

using ::testing::ElementsAre;

// "line {row}" or "line: found; wanted …" of each row.
std::vector<std::string> table(const std::string& bytes, char separator = ',') {
  std::vector<std::string> out;
  split_table(bytes, separator, "t.csv", [&](std::optional<Fault> fault, Json row, int64_t line) {
    out.push_back(std::to_string(line) +
                  (fault ? ": " + fault->found + "; wanted " + fault->wanted : " " + row.dump()));
    return true;
  });
  return out;
}

std::string error(const std::string& bytes) {
  const ErrorText e = test::error_text_of([&] { table(bytes); });
  return e.where + ": " + e.found + "; wanted " + e.wanted + "; " + e.hint;
}

TEST(Table, CellsAreTexts) {
  EXPECT_THAT(table("a,b\n1,x y\r\n,\" z\"\n"), ElementsAre(R"(2 {"a":"1","b":"x y"})", R"(3 {"b":" z"})"));
  EXPECT_THAT(table("a\tb\nx,y\t\"1\t2\"\n", '\t'), ElementsAre(R"(2 {"a":"x,y","b":"1\t2"})"));
  EXPECT_THAT(table("a;b\n1;2,5"), ElementsAre(R"(2 {"a":"1","b":"2,5"})"));
  EXPECT_THAT(table("a\tb\n1\t2"), ElementsAre(R"(2 {"a":"1","b":"2"})"));
}

TEST(Table, QuotedCellsHoldSeparatorsLineEndsAndQuotes) {
  EXPECT_THAT(
      table("a,b\n\"x,\ny\r\nz\",\"say \"\"hi\"\"\"\n\"\",\"\"\"\"\n2,3"),
      ElementsAre(R"(2 {"a":"x,\ny\r\nz","b":"say \"hi\""})", R"(5 {"b":"\""})", R"(6 {"a":"2","b":"3"})"));
  EXPECT_THAT(table("a,b\nx \"y\" z,it's\r"), ElementsAre(R"(2 {"a":"x \"y\" z","b":"it's"})"));
}

TEST(Table, EmptyRowsAndNamelessColumnsArePassedOver) {
  EXPECT_THAT(table("\n,a, b \n\n0,x,y\n,,\n,,,,\n"), ElementsAre(R"(4 {"a":"x","b":"y"})"));
  EXPECT_THAT(table("a,b\n"), ElementsAre());
  EXPECT_THAT(table(""), ElementsAre());
}

TEST(Table, BadRowsNameTheirLineAndLoseNothingElse) {
  EXPECT_THAT(table("a,b\n1,2,3\n4\n5,6\n"),
              ElementsAre("2: 3 cells; wanted 2, as in the header", "3: 1 cells; wanted 2, as in the header",
                          R"(4 {"a":"5","b":"6"})"));
  EXPECT_THAT(table("a,b\n1,\"x\n2,\"y\"\n3,z\n"),
              ElementsAre("2: a single quote inside a quoted cell; wanted two quotes for one in the text",
                          R"(3 {"a":"2","b":"y"})", R"(4 {"a":"3","b":"z"})"));
  EXPECT_THAT(table("a,b\n1,\"x\n2,y\n"),
              ElementsAre("2: a quote that never closes; wanted a quote at the end of the cell",
                          R"(3 {"a":"2","b":"y"})"));
  EXPECT_THAT(table("a,b\n\xFF,1\n2,3"),
              ElementsAre("2: bytes that are not UTF-8; wanted UTF-8 text", R"(3 {"a":"2","b":"3"})"));
}

TEST(Table, HeadersThatCannotBeUsed) {
  EXPECT_EQ(error("a,b,a\n1,2,3\n"),
            "t.csv:1: two columns named \"a\"; wanted a name of its own for each column; ");
  EXPECT_EQ(error("\xFF\xFE"
                  "a,b\n1,2\n"),
            "t.csv:1: a header with bytes that are not UTF-8; wanted UTF-8 text; save the table as UTF-8");
  EXPECT_EQ(error("a,\"b\n1,2\n"),
            "t.csv:1: a header with a quote that never closes; wanted a quote at the end of the cell; ");
}

TEST(Table, CellsBecomeWhatTheSchemaHas) {
  Json row{{"weight", "0.5"}, {"label", "True"}, {"messages", R"([{"role":"user"}])"}, {"text", "[1]"}};
  read_cells(row);
  EXPECT_EQ(row.dump(), R"({"weight":0.5,"label":true,"messages":[{"role":"user"}],"text":"[1]"})");
  Json odd{{"weight", "half"}, {"label", "maybe"}, {"messages", "[{'role'"}, {"history", "[],\"x\":1"}};
  const Json same = odd;
  read_cells(odd);
  EXPECT_EQ(odd, same);
}

TEST(TableFile, RowsGoThroughTheSchemas) {
  const test::TempDir dir;
  write_file(dir / "a.csv", "\xEF\xBB\xBFinstruction,input,output,weight\r\nAdd.,,\"2,\r\nright\",0.5\r\n");
  const Corpus a = read_corpus(dir / "a.csv");
  ASSERT_EQ(a.records.size(), 1U);
  EXPECT_EQ(a.schema, "alpaca");
  EXPECT_EQ(a.records[0].messages.dump(),
            R"([{"role":"user","content":"Add."},{"role":"assistant","content":"2,\r\nright"}])");
  EXPECT_EQ(a.records[0].weight, 0.5);
  write_file(dir / "b.tsv", "frage\tantwort\tnote\nq\ta\tn\nq\t\tn\n");
  const Corpus b = read_corpus(
      dir / "b.tsv", {.columns = {{"frage", "prompt"}, {"antwort", "completion"}}, .max_rejected = 1});
  ASSERT_EQ(b.records.size(), 1U);
  ASSERT_EQ(b.rejections.size(), 1U);
  EXPECT_EQ(b.rejections[0].place, (dir / "b.tsv").string() + ":3");
  EXPECT_EQ(b.rejections[0].field + ": " + b.rejections[0].found, "completion: no such field");
  write_file(dir / "c.csv",
             "messages\n\"[{\"\"role\"\":\"\"user\"\",\"\"content\"\":\"\"q\"\"},"
             "{\"\"role\"\":\"\"assistant\"\",\"\"content\"\":\"\"a\"\"}]\"\n");
  EXPECT_EQ(read_corpus(dir / "c.csv").schema, "openai");
  EXPECT_EQ(read_corpus(dir / "a.csv", {.max_rows = 1}).records.size(), 1U);
}

}  // namespace
}  // namespace keel
