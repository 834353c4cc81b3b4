// The datasets: list: every key, every mistake at once, and what the entries read.
#include "corpus/dataset_spec.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "base/fs.h"
#include "corpus/corpus.h"
#include "corpus/files.h"
#include "support/error_of.h"
#include "support/paths.h"

namespace keel {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

std::vector<std::string> mistakes(const std::string& list) {
  std::vector<ErrorText> problems;
  dataset_specs(Json::parse(list), "datasets", problems);
  std::vector<std::string> out;
  for (const ErrorText& p : problems)
    out.push_back(p.where + " | " + p.found + " | " + p.wanted + (p.hint.empty() ? "" : " | " + p.hint));
  return out;
}

std::vector<DatasetSpec> specs(const std::string& list) {
  EXPECT_THAT(mistakes(list), IsEmpty());
  std::vector<ErrorText> problems;
  return dataset_specs(Json::parse(list), "datasets", problems);
}

TEST(DatasetSpecs, EveryKeyIsRead) {
  const auto all = specs(R"(["a.jsonl", "b.jsonl#20", {"path": "c", "name": "harbour", "format": "sharegpt",
    "split": "train", "weight": 2.5, "num_rows": 7, "columns": {"conversations": "talk"},
    "tags": {"role": "who", "content_tag": "says", "user": "u", "assistant": "b"}},
    {"name": "alpaca_zh", "type": "alpaca", "weight": null}, {"path": "json", "data_files": "d.json"}])");
  ASSERT_EQ(all.size(), 5U);
  EXPECT_EQ(all[0].path, "a.jsonl");
  EXPECT_EQ(all[0].label(), "a.jsonl");
  EXPECT_EQ(all[0].weight, 1);
  EXPECT_EQ(all[1].path, "b.jsonl");
  EXPECT_EQ(all[1].max_samples, 20);
  EXPECT_EQ(all[2].label(), "harbour");
  EXPECT_EQ(all[2].format, "sharegpt");
  EXPECT_EQ(all[2].split, "train");
  EXPECT_EQ(all[2].weight, 2.5);
  EXPECT_EQ(all[2].max_samples, 7);
  EXPECT_THAT(all[2].columns, ElementsAre(Pair("talk", "conversations")));
  EXPECT_EQ(all[2].tags, (ChatTags{.role = "who", .content = "says", .user = "u", .assistant = "b"}));
  EXPECT_EQ(all[3].path, "alpaca_zh");
  EXPECT_EQ(all[4].path, "d.json");
  EXPECT_EQ(specs(R"({"path": "x"})").size(), 1U);
  EXPECT_THAT(specs("null"), IsEmpty());
}

TEST(DatasetSpecs, AllMistakesAreToldAtOnce) {
  EXPECT_THAT(
      mistakes(R"([{"path": "a", "weigth": 1, "format": "sharegtp", "split": "train[:9]"}, 7, {"weight": -1},
        {"path": "b", "max_samples": 1.5, "columns": ["x"], "tags": {"rol": "x", "user": true}},
        {"path": "b", "colour": "red", "num_rows": 1, "num_samples": 2, "columns": {"output": 3}}])"),
      ElementsAre(
          "datasets[0].split | 'train[:9]' | a name such as train | max_samples: N takes the first N rows",
          "datasets[0].format | 'sharegtp' | one of: openai, sharegpt, alpaca, prompt_completion, dialogue, "
          "speakers, text | did you mean 'sharegpt'?",
          "datasets[0] | unknown key 'weigth' |  | did you mean 'weight'?",
          "datasets[1] | 7 | a path, or path: FILE", "datasets[2].weight | -1 | a number above 0",
          "datasets[2] | an entry without 'path' | path: FILE",
          "datasets[3].max_samples | 1.5 | a whole number, at least 0",
          "datasets[3].columns | [\"x\"] | a map from the schema's names to the file's, such as {output: "
          "answer}",
          "datasets[3].tags.user | true | text",
          "datasets[3].tags | unknown key 'rol' |  | did you mean 'role'?",
          "datasets[4].num_samples | a second name for one thing | only one of max_samples, num_rows, "
          "num_samples",
          "datasets[4].columns.output | 3 | the name of a field in the file",
          "datasets[4] | unknown key 'colour' | one of: path, data_files, file_name, name, split, format, "
          "schema, formatting, weight, max_samples, num_rows, num_samples, stage, role, eval, columns, tags, "
          "type, ds_type, "
          "chat_template",
          "datasets[4] | a second dataset 'b' | a name of its own for each"));
}

class SpecFiles : public ::testing::Test {
 protected:
  void file(const std::string& name, const std::string& bytes = R"({"frage":"q","completion":"a"})") {
    make_folders((dir_ / name).parent_path());
    write_file(dir_ / name, bytes);
  }
  std::vector<std::string> split(const std::string& name, const std::string& folder = "") {
    std::vector<std::string> out;
    for (const fs::path& path : corpus_files(dir_.path() / folder, name))
      out.push_back(path.lexically_relative(dir_.path() / folder).string());
    return out;
  }
  std::string error(const DatasetSpec& spec) {
    const ErrorText e = test::error_text_of([&] { read_dataset(spec, dir_.path()); });
    return e.found + " | " + e.wanted + " | " + e.hint;
  }
  test::TempDir dir_;
};

TEST_F(SpecFiles, SplitsAreFoundByTheNamesOfFilesAndFolders) {
  for (const char* name : {"hub/data/train-00000-of-00002.parquet", "hub/data/train-00001-of-00002.parquet",
                           "hub/data/test-00000-of-00001.parquet", "dirs/train/a.json", "dirs/test/a.json",
                           "words/harbour_train.csv", "words/harbour_dev.csv", "plain/a.json", "plain/b.json",
                           "sft/train_sft-00000-of-00001.parquet", "sft/train_gen-00000-of-00001.parquet"})
    file(name);
  EXPECT_THAT(split("train", "hub"),
              ElementsAre("data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"));
  EXPECT_THAT(split("test", "hub"), ElementsAre("data/test-00000-of-00001.parquet"));
  EXPECT_THAT(split("train", "dirs"), ElementsAre("train/a.json"));
  EXPECT_THAT(split("validation", "words"), ElementsAre("harbour_dev.csv"));
  EXPECT_THAT(split("train", "plain"), ElementsAre("a.json", "b.json"));
  EXPECT_THAT(split("train_sft", "sft"), ElementsAre("train_sft-00000-of-00001.parquet"));
  EXPECT_EQ(split("train", "sft").size(), 2U);
  EXPECT_EQ(split("", "hub").size(), 3U);
  EXPECT_EQ(error({.path = "hub", .split = "validation"}),
            "no file of the split 'validation' among data/test-00000-of-00001.parquet, "
            "data/train-00000-of-00002.parquet, data/train-00001-of-00002.parquet | a name with 'validation' "
            "in it | ");
}

TEST_F(SpecFiles, EntriesReadWhatTheySay) {
  file("set/a.jsonl", "{\"frage\":\"1\",\"completion\":\"a\"}\n{\"frage\":\"2\",\"completion\":\"a\"}\n");
  file("set/b.jsonl", R"({"frage":"3","completion":"a"})");
  DatasetSpec spec{.path = "set", .columns = {{"frage", "prompt"}}};
  EXPECT_EQ(read_dataset(spec, dir_.path()).records.size(), 3U) << "completion keeps its name";
  spec.max_samples = 2;
  EXPECT_EQ(read_dataset(spec, dir_.path(), {.max_rows = 1}).records.size(), 2U);
  spec.max_samples = 0;
  EXPECT_EQ(read_dataset(spec, dir_.path(), {.max_rows = 1}).records.size(), 1U) << "of the set, not a file";
  spec.format = "text";
  EXPECT_EQ(error(spec).substr(0, 58), "3 of 3 rows are bad: 3 × text: no such field, wanted text");
  file("chat.json", R"([{"talk":[{"who":"u","says":"q"},{"who":"b","says":"a"}]}])");
  spec = {.path = "chat.json",
          .columns = {{"talk", "conversations"}},
          .tags = {.role = "who", .content = "says", .user = "u", .assistant = "b"}};
  EXPECT_EQ(read_dataset(spec, dir_.path()).records.at(0).messages.size(), 2U);
}

TEST_F(SpecFiles, TheSpecGoesBeforeDatasetInfo) {
  file("dataset_info.json",
       R"({"qa": {"file_name": "qa.json", "num_samples": 1, "columns": {"prompt": "x", "response": "y"}}})");
  file("qa.json", R"([{"x":"1","y":"a","z":"b"},{"x":"2","y":"a","z":"b"}])");
  const auto answer = [&](const DatasetSpec& spec) {
    const Corpus corpus = read_dataset(spec, dir_.path());
    return std::to_string(corpus.records.size()) + corpus.records.at(0).messages[1]["content"].dump();
  };
  EXPECT_EQ(answer({.path = "qa"}), "1\"a\"");
  EXPECT_EQ(answer({.path = "qa", .max_samples = 2, .columns = {{"x", "instruction"}, {"z", "output"}}}),
            "2\"b\"");
}

}  // namespace
}  // namespace keel
