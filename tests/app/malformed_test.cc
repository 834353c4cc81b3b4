// Rows, tables, archives, configurations, suites and plans that a user may hand over by mistake or on
// purpose.
#include "app/malformed.h"

#include <gtest/gtest.h>

namespace keel::test {
namespace {

MalformedInput bad_data(const char* name, const std::string& file, const std::string& bytes,
                        const std::string& text) {
  return {name, Made::kFile, file, bytes, kTrainMalformed + "--dataset DIR/" + file, "DIR/" + file + text};
}

// line: of the last fault.
MalformedInput bad_rows(const char* name, const std::string& file, const std::string& bytes,
                        const std::string& faults, int line) {
  const std::string rest =
      ")\n  wanted: at most 1 % bad rows\n  try:    mend or remove these rows, or raise max_rejected";
  return bad_data(name, file, bytes,
                  ": " + faults + " (first at DIR/" + file + ":" + std::to_string(line) + rest);
}

// The only row is bad.
MalformedInput bad_row(const char* name, const std::string& row, const std::string& fault) {
  return bad_rows(name, "a.jsonl", row + "\n", "1 of 1 rows are bad: 1 × " + fault, 1);
}

std::vector<MalformedInput> bad_json() {
  const std::string row = R"({"instruction": "say a", "output": "aaa"})";
  return {
      bad_rows("RowCutOff", "a.jsonl", row + "\n" + row.substr(0, 20),
               "1 of 2 rows are bad: 1 × broken JSON at byte 20 of the row, wanted one JSON object", 2),
      bad_rows("ArrayCutOff", "a.json", "[" + row + ",\n" + row.substr(0, 30),
               "1 of 2 rows are bad: 1 × broken JSON at byte 30 of the row, wanted one JSON object", 2),
      bad_rows("SeveralFaults", "a.jsonl",
               row + "\n" + R"({"instruction": "say a", "output": ""})" + "\n7\n" + row + "}\n" +
                   R"({"instruction": "say b", "output": ""})",
               "4 of 5 rows are bad: 2 × output: an empty text, wanted a reply (first at DIR/a.jsonl:2); 1 × "
               "the number 7, wanted an object with fields (first at DIR/a.jsonl:3); 1 × broken JSON at byte "
               "42 of the row, wanted one JSON object",
               4),
      bad_row("NumberForARow", "7", "the number 7, wanted an object with fields"),
      bad_row("NullForAReply", R"({"instruction": "a", "output": null})", "output: null, wanted text"),
      bad_row("NoUtf8", "{\"instruction\": \"a\xFF\", \"output\": \"b\"}",
              "bytes that are not UTF-8, wanted UTF-8 text"),
      bad_row("NulByte", std::string("{\"instruction\": \"a\0\", \"output\": \"b\"}", 36),
              "broken JSON at byte 19 of the row, wanted one JSON object"),
      bad_row("DeepNesting", R"({"instruction": "a", "output": )" + std::string(100'000, '['),
              "values nested deeper than 100, wanted a flat row"),
      bad_row("KeyTwice", R"({"instruction": "a", "output": "b", "output": "c"})",
              "output: the same field twice in one object, wanted each field once"),
      bad_row("ControlCharacters", R"({"messages": "\u001B[31m\u202E"})",
              R"(messages: the text "<U+001B>[31m<U+202E>", wanted a list of messages)"),
      bad_row("UnknownFields", R"({"frage": "a", "antwort": "b"})",
              "an object with frage, antwort, wanted the fields of a known schema, or columns that say which "
              "is which: openai (messages); sharegpt (conversations); alpaca (instruction, output); "
              "prompt_completion (prompt, completion); dialogue (history); speakers (turns); text (text)"),
      bad_row("UnknownRole", R"({"messages": [{"role": "usr", "content": "a"}]})",
              "messages[].role: the text \"usr\", wanted system, user, assistant or tool"),
      bad_row("NoReply", R"({"messages": [{"role": "user", "content": "a"}]})",
              "messages: no reply, wanted a message of the assistant"),
      bad_data("EmptyFile", "a.jsonl", "", ": no rows\n  wanted: at least one"),
      bad_data("BlankLines", "a.jsonl", "\n\n  \n\r\n", ": no rows\n  wanted: at least one"),
      {"FolderForAFile", Made::kFolder, "a.jsonl", "", kTrainMalformed + "--dataset DIR/a.jsonl",
       "DIR/a.jsonl: no data file in it\n  wanted: .parquet, .json, .jsonl, .ndjson, .csv, .tsv or .txt "
       "files, the last six also packed (.gz, .zst)"},
  };
}

std::vector<MalformedInput> bad_tables() {
  return {
      bad_rows("UnclosedQuote", "a.csv", "instruction,output\nsay a,\"aaa\nsay b,bbb\n",
               "1 of 2 rows are bad: 1 × a quote that never closes, wanted a quote at the end of the cell",
               2),
      bad_rows("TooManyCells", "a.tsv", "instruction\toutput\nsay a\taaa\tx\n",
               "1 of 1 rows are bad: 1 × 3 cells, wanted 2, as in the header", 2),
      bad_data("ColumnTwice", "a.csv", "output,instruction,output\na,b,c\n",
               ":1: two columns named \"output\"\n  wanted: a name of its own for each column"),
      bad_data("HeaderNoUtf8", "a.tsv", "instruction\t\xFF\na\tb\n",
               ":1: a header with bytes that are not UTF-8\n  wanted: UTF-8 text\n"
               "  try:    save the table as UTF-8"),
  };
}

// A gzip file that holds the text as it is, with a check sum of 0.
std::string stored_gzip(const std::string& text) {
  const auto size = static_cast<char>(text.size());
  const auto complement = static_cast<char>(~text.size());
  const std::string tail = {'\1', size, '\0', complement, '\xFF'};
  return std::string("\x1F\x8B\x08\0\0\0\0\0\0\3", 10) + tail + text + std::string(4, '\0') + size +
         std::string(3, '\0');
}

// A zstd file that holds the text as it is.
std::string stored_zstd(const std::string& text) {
  const auto block = static_cast<char>(text.size() << 3 | 1);
  return std::string("\x28\xB5\x2F\xFD\x20") + static_cast<char>(text.size()) + block + std::string(2, '\0') +
         text;
}

std::vector<MalformedInput> bad_packed() {
  const std::string rows = "{\"text\": \"tide\"}\n";
  const std::string again = "\n  wanted: a whole gzip file\n  try:    download or pack it again";
  const std::string parquet_again = "\n  try:    download the file again, or save it as JSON lines";
  return {
      bad_data("GzipCutOff", "a.jsonl.gz", stored_gzip(rows).substr(0, 24),
               ": the gzip file is cut off: it ends after 9 unpacked bytes, before its end mark" + again),
      bad_data("GzipCheckSum", "a.jsonl.gz", stored_gzip(rows),
               ": the gzip file is damaged after 17 unpacked bytes: incorrect data check" + again),
      bad_data("ZstdCutOff", "a.jsonl.zst", stored_zstd(rows).substr(0, 15),
               ": the zstd file is cut off: it ends after 6 unpacked bytes, before its end mark\n"
               "  wanted: a whole zstd file\n  try:    download or pack it again"),
      bad_data("ZstdWithATail", "a.jsonl.zst", stored_zstd(rows) + rows,
               ": the zstd file is damaged after 17 unpacked bytes: something else follows the archive\n"
               "  wanted: a whole zstd file\n  try:    download or pack it again"),
      bad_data("NotPacked", "a.jsonl.gz", rows,
               ": not a gzip file, whatever its name says\n  wanted: a gzip file\n"
               "  try:    take the ending off its name, or pack it"),
      bad_data("ParquetCutOff", "a.parquet", "PAR1" + std::string(100, '\0'),
               ": Invalid Parquet file. Corrupt footer" + parquet_again),
      bad_data("ParquetFooterLies", "a.parquet", "PAR1" + std::string(100, '\0') + "\xFF\xFF\xFF\x7FPAR1",
               ": EOF: Parquet file too small. Size is 112 but need 2147483655" + parquet_again),
  };
}

MalformedInput bad_config(const char* name, const std::string& yaml, const std::string& text) {
  return {name, Made::kFile, "run.yaml", yaml, "train DIR/run.yaml" + kOnGoodRows.substr(5), text};
}

// A number with 2^40 leaves, were its anchors followed.
std::string many_anchors() {
  std::string yaml = "learning_rate: [&a0 [1, 1]";
  for (int i = 1; i < 40; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    yaml += ", &a" + std::to_string(i) + " [" + before + ", " + before + "]";
  }
  return yaml + "]\n";
}

std::vector<MalformedInput> bad_configs() {
  return {
      bad_config("ListForANumber", "learning_rate: [1, 2]\n",
                 "DIR/run.yaml:1: learning_rate: a list\n  wanted: a number, at least 0"),
      bad_config("ManyAnchors", many_anchors(),
                 "DIR/run.yaml:1: learning_rate: a list\n  wanted: a number, at least 0"),
      bad_config(
          "LongValue", "learning_rate: " + std::string(200, 'x') + "\n",
          "DIR/run.yaml:1: learning_rate: '" + std::string(100, 'x') + "…'\n  wanted: a number, at least 0"),
      bad_config("IndentedWithATab", "stages:\n\t- {epochs: 1}\n",
                 "DIR/run.yaml:2:2: not valid YAML: illegal block entry\n"
                 "  try:    line 2 is indented with a tab; YAML wants spaces"),
      bad_config("OptionTwice", "seed: 1\nseed: 2\n",
                 "DIR/run.yaml:2: seed: '2', but seed (DIR/run.yaml:1) already says '1'\n"
                 "  wanted: one of the two"),
      bad_config("ListUnclosed", "stages: [{epochs: 1},\n",
                 "DIR/run.yaml:2:1: not valid YAML: end of sequence flow not found\n"
                 "  try:    check the indentation and the quotes there; values with ': ' or '#' need quotes"),
      bad_config(
          "SeveralMistakes",
          "learning_rat: 1\nlearning_rate: fast\nlr_scheduler_type: cosin\nval_size: -3\nuse_dora: true\n",
          "5 mistakes in the options:\n"
          "  1. DIR/run.yaml:1: unknown key 'learning_rat'. Did you mean 'learning_rate'?\n"
          "  2. DIR/run.yaml:5: use_dora: true is not supported by Keel: plain LoRA and rsLoRA are there "
          "(use_rslora)\n"
          "  3. DIR/run.yaml:2: learning_rate: 'fast'; wanted a number, at least 0\n"
          "  4. DIR/run.yaml:3: lr_scheduler_type: 'cosin'. Did you mean 'cosine'?; wanted one of: "
          "constant, constant_with_warmup, linear, cosine\n"
          "  5. DIR/run.yaml:4: val_size: '-3'; wanted a number, at least 0"),
      bad_config("TwoDocuments", "seed: 1\n---\nseed: 2\n",
                 "DIR/run.yaml: 2 documents (\"---\" begins a new one)\n  wanted: one\n"
                 "  try:    put them into files of their own"),
      bad_config("ConfigNoUtf8", "template: \"\xFF\"\n",
                 "DIR/run.yaml: bytes that are not UTF-8\n  wanted: a text file in UTF-8\n"
                 "  try:    save it in UTF-8 in your editor"),
      {"ConfigIsAFolder", Made::kFolder, "run.yaml", "", "train DIR/run.yaml",
       "DIR/run.yaml: cannot read: Is a directory"},
  };
}

MalformedInput bad_suite(const char* name, const std::string& yaml, const std::string& text) {
  const std::string args =
      "eval --model DIR/model --precision fp32 --threads 1 --suite DIR/suite.yaml --output_dir DIR/out";
  return {name, Made::kFile, "suite.yaml", yaml, args, text};
}

MalformedInput bad_plan(const char* name, const std::string& rest, const std::string& text) {
  const std::string base =
      "base: {model: DIR/model, dataset: DIR/rows.jsonl, val_size: 0.3, general_dataset: DIR/rows.jsonl}\n";
  return {name, Made::kFile, "plan.yaml", base + rest, "compare DIR/plan.yaml --output_dir DIR/out", text};
}

std::vector<MalformedInput> bad_suites_and_plans() {
  return {
      bad_suite("SuiteMisspelt",
                "groups:\n  - {name: p, file: rows.jsonl, type: choise}\nweights: {math: heavy}\n",
                "2 mistakes in the suite:\n  1. DIR/suite.yaml:2: type \"choise\"; wanted: exact, contains, "
                "number, regex, choice, constraint, generate, nll, robust, dialogue; \"choice\" may be "
                "meant\n  2. DIR/suite.yaml:3: weight \"heavy\"; wanted: a number, at least 0"),
      bad_plan("PlanMisspelt", "arms: {a: {}, b: {}}\nseeds: [one]\nbudget: token\n",
               "2 mistakes in the options:\n  1. DIR/plan.yaml:3: seeds: \"one\"; wanted a list of whole "
               "numbers, such as [1, 2, 3]\n  2. DIR/plan.yaml:4: budget: token; wanted tokens, steps, "
               "flops; \"tokens\" may be meant"),
      bad_plan("ArmEscapes", "arms: {../x: {}, b: {}}\n",
               "DIR/plan.yaml:2: an arm named \"../x\"\n  wanted: letters, digits, '-', '_' and '.': the "
               "name becomes a part of folder names"),
      bad_suite("SuiteKeyTwice", "name: a\nname: b\n",
                "DIR/suite.yaml:2: the key \"name\" for the second time\n  wanted: each key once\n"
                "  try:    the first one stands in line 1"),
  };
}

class Malformed : public MalformedTest {};

TEST_P(Malformed, IsRefusedWithItsWholeText) { expect_refused(); }

INSTANTIATE_TEST_SUITE_P(Json, Malformed, testing::ValuesIn(bad_json()), malformed_name);
INSTANTIATE_TEST_SUITE_P(Tables, Malformed, testing::ValuesIn(bad_tables()), malformed_name);
INSTANTIATE_TEST_SUITE_P(Packed, Malformed, testing::ValuesIn(bad_packed()), malformed_name);
INSTANTIATE_TEST_SUITE_P(Configs, Malformed, testing::ValuesIn(bad_configs()), malformed_name);
INSTANTIATE_TEST_SUITE_P(SuitesAndPlans, Malformed, testing::ValuesIn(bad_suites_and_plans()),
                         malformed_name);

}  // namespace
}  // namespace keel::test
