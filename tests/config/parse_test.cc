// Parsing of any list of fields: types, sources, exact texts of mistakes.
#include "config/parse.h"

#include "config/support.h"

namespace keel::test {
namespace {

struct Sample {
  bool flag = false;
  int64_t count = 4;
  double rate = 0.5;
  std::string name = "none";
  std::vector<std::string> items;
  std::optional<double> alpha;
  std::optional<int64_t> limit;
  std::optional<bool> maybe;
  Json table;

  template <class V>
  void fields(V& v) {
    v.group("sample");
    v("flag", flag, "a switch");
    v("count", count, "how many", {.aliases = {"n"}, .min = 1, .max = 100});
    v("rate", rate, "how fast", {.min = 0});
    v("name", name, "which", {.choices = {"none", "linear", "cosine"}});
    v("items", items, "several");
    v("alpha", alpha, "scale");
    v("limit", limit, "most", {.min = 0});
    v("maybe", maybe, "or not");
    v("table", table, "anything");
  }
};

ParseResult parse(Sample& sample, const std::vector<std::string>& args, const ParseRules& rules = {}) {
  return parse_options(collect_fields(sample), args, rules);
}

std::string parse_error(const std::vector<std::string>& args, const ParseRules& rules = {}) {
  Sample sample;
  return error_of([&] { parse(sample, args, rules); });
}

class Parse : public ::testing::Test {
 protected:
  std::string file(const std::string& text, const std::string& name = "run.yaml") {
    write_file(dir_ / name, text);
    return (dir_ / name).string();
  }
  TempDir dir_;
};

TEST_F(Parse, EveryTypeFromFlags) {
  Sample s;
  parse(s, {"--flag", "--count=1e1", "--rate", "1.0e-4", "--name", "cosine", "--items", "a", "b,c", "--alpha",
            "32", "--limit", "7", "--maybe", "no", "--table", R"({"x": [1, 2.5, "y"], "t": true})"});
  EXPECT_TRUE(s.flag);
  EXPECT_EQ(s.count, 10);
  EXPECT_EQ(s.rate, 1e-4);
  EXPECT_EQ(s.name, "cosine");
  EXPECT_EQ(s.items, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(s.alpha, 32);
  EXPECT_EQ(s.limit, 7);
  EXPECT_EQ(s.maybe, false);
  EXPECT_EQ(s.table.dump(), R"({"x":[1,2.5,"y"],"t":true})");
}

TEST_F(Parse, EveryTypeFromAFile) {
  Sample s;
  parse(s, {file("flag: yes\ncount: 10.0\nrate: 1e-5\nname: linear\nitems: [a, 'b,c']\nalpha: 1.0e+1\n"
                 "limit: null\nmaybe: true\ntable:\n  k: 'no'\n  n: [1, x]\n")});
  EXPECT_TRUE(s.flag);
  EXPECT_EQ(s.count, 10);
  EXPECT_EQ(s.rate, 1e-5);
  EXPECT_EQ(s.items, (std::vector<std::string>{"a", "b,c"}));
  EXPECT_EQ(s.alpha, 10);
  EXPECT_EQ(s.limit, std::nullopt);
  EXPECT_EQ(s.table.dump(), R"({"k":"no","n":[1,"x"]})");
}

TEST_F(Parse, BooleansAsPeopleWriteThem) {
  for (const char* yes : {"true", "True", "TRUE", "1", "yes", "on", "'true'"}) {
    Sample s;
    parse(s, {file("flag: " + std::string(yes))});
    EXPECT_TRUE(s.flag) << yes;
  }
  for (const char* no : {"false", "False", "0", "no", "off", "'false'"}) {
    Sample s;
    s.flag = true;
    parse(s, {file("flag: " + std::string(no))});
    EXPECT_FALSE(s.flag) << no;
  }
}

TEST_F(Parse, FlagsWinAndTheSourceIsKnown) {
  Sample s;
  const std::string path = file("# note\nn: 5\nrate: 2\n");
  const ParseResult result = parse(s, {path, "--count", "6", "--count", "7"});
  EXPECT_EQ(s.count, 7);
  EXPECT_EQ(result.config_file, path);
  EXPECT_EQ(result.set_by.at("count"), "--count");
  EXPECT_EQ(result.set_by.at("rate"), path + ":3");
  EXPECT_FALSE(result.set_by.contains("name"));
}

TEST_F(Parse, EmptyValuesLeaveTheDefault) {
  Sample s;
  const ParseResult result = parse(s, {file("count:\nname: ~\nitems: null\n")});
  EXPECT_EQ(s.count, 4);
  EXPECT_EQ(s.name, "none");
  EXPECT_TRUE(result.set_by.empty());
}

TEST_F(Parse, JsonIsReadToo) {
  Sample s;
  parse(s, {file(R"({"count": 9, "items": ["x", "y"]})", "run.json")});
  EXPECT_EQ(s.count, 9);
}

TEST_F(Parse, DashesAreUnderscores) {
  RunConfig config;
  parse_options(config.fields(), {"--learning-rate", "3e-4", "--per-device-train-batch-size=2"});
  EXPECT_EQ(config.optim.learning_rate, 3e-4);
  EXPECT_EQ(config.train.per_device_train_batch_size, 2);
}

TEST_F(Parse, TyposNameTheNearestOption) {
  const std::string path = file("count: 1\nrte: 3\n");
  EXPECT_EQ(parse_error({path}), path + ":2: unknown key 'rte'. Did you mean 'rate'?");
  EXPECT_EQ(parse_error({"--conut", "3"}), "command line: unknown option '--conut'. Did you mean '--count'?");
  EXPECT_EQ(
      parse_error({"--completely_else", "3"}, {.command = "eval"}),
      "command line: unknown option '--completely_else'\n  try:    keel eval --help lists every option");
}

TEST_F(Parse, WrongValuesSayWhereFoundAndWanted) {
  const std::string path = file("count: many\nname: [a]\n");
  EXPECT_EQ(parse_error({"--count", "1.5"}), "--count: '1.5'\n  wanted: a whole number from 1 to 100");
  EXPECT_EQ(parse_error({"--count", "101"}), "--count: '101'\n  wanted: a whole number from 1 to 100");
  EXPECT_EQ(parse_error({"--rate", "-1"}), "--rate: '-1'\n  wanted: a number, at least 0");
  EXPECT_EQ(parse_error({"--rate", "nan"}), "--rate: 'nan'\n  wanted: a number, at least 0");
  EXPECT_EQ(parse_error({"--rate", "1e999"}), "--rate: '1e999'\n  wanted: a number, at least 0");
  EXPECT_EQ(parse_error({"--alpha", "x"}), "--alpha: 'x'\n  wanted: a number");
  EXPECT_EQ(parse_error({"--flag", "maybe"}), "--flag: 'maybe'\n  wanted: true or false");
  EXPECT_EQ(parse_error({"--name", "cosin"}),
            "--name: 'cosin'. Did you mean 'cosine'?\n  wanted: one of: none, linear, cosine");
  EXPECT_EQ(parse_error({file("items: {a: b}\n")}),
            (dir_ / "run.yaml").string() + ":1: items: a map\n  wanted: a list: a,b or a YAML list of words");
}

TEST_F(Parse, AllMistakesAtOnce) {
  const std::string path = file("count: many\nrte: 3\nuse_galore: true\n");
  EXPECT_EQ(
      parse_error({path, "--name", "sine", "stray", "-x"}),
      "6 mistakes in the options:\n"
      "  1. command line: unknown option '-x'; wanted options with two dashes, such as --learning_rate 1e-4\n"
      "  2. command line: unexpected word 'stray'; wanted --option value, or one configuration file (.yaml, "
      ".yml, .json)\n"
      "  3. " +
          path +
          ":2: unknown key 'rte'. Did you mean 'rate'?\n"
          "  4. " +
          path +
          ":3: use_galore: true is not supported by Keel: AdamW is the optimiser\n"
          "  5. " +
          path +
          ":1: count: 'many'; wanted a whole number from 1 to 100\n"
          "  6. --name: 'sine'; wanted one of: none, linear, cosine");
}

TEST_F(Parse, TwoNamesForOneFieldMustAgreeInAFile) {
  const std::string path = file("count: 5\nn: 6\n");
  EXPECT_EQ(parse_error({path}),
            path + ":2: n: '6', but count (" + path + ":1) already says '5'\n  wanted: one of the two");
  Sample sample;
  EXPECT_NO_THROW(parse(sample, {file("count: 5\nn: 5\n")}));
  EXPECT_EQ(parse_error({file("count: 5\ncount: 6\n")}),
            path + ":2: count: '6', but count (" + path + ":1) already says '5'\n  wanted: one of the two");
}

TEST_F(Parse, BrokenFiles) {
  const std::string path = file("count: 5\n  name: [a\n");
  EXPECT_NE(parse_error({path}).find(path + ":2:"), std::string::npos) << parse_error({path});
  EXPECT_NE(parse_error({path}).find("not valid YAML"), std::string::npos);
  EXPECT_EQ(parse_error({file("- a\n- b\n")}),
            path + ": a list\n  wanted: a configuration: one 'key: value' on each line");
  Sample sample;
  EXPECT_NO_THROW(parse(sample, {file("")})) << "an empty file sets nothing";
  EXPECT_NE(parse_error({(dir_ / "absent.yaml").string()}).find("absent.yaml"), std::string::npos);
}

TEST_F(Parse, ANodeThatContainsItselfEnds) {
  const std::string path = file("table: &a [*a, *a, {k: *a}]\n");
  EXPECT_EQ(parse_error({path}), path + ":1: table: a list\n  wanted: YAML or JSON");
  Sample sample;
  EXPECT_THROW(parse(sample, {file("items: &a [*a, *a]\n")}), UserError);
  EXPECT_NE(parse_error({file("use_galore: &a {k: *a}\n")}).find("is not supported by Keel"),
            std::string::npos);
}

TEST_F(Parse, WordsAndHelpForOtherCommands) {
  Sample s;
  const ParseResult result = parse(s, {"model", "out.yaml", "--rate", "2"},
                                   {.command = "merge", .max_words = 2, .config_file = false});
  EXPECT_EQ(result.words, (std::vector<std::string>{"model", "out.yaml"}));
  EXPECT_TRUE(parse(s, {"--help", "--nonsense"}).help) << "help is answered whatever else is wrong";
}

TEST_F(Parse, AFieldOfACommandIsNotSwallowedByTheForeignTable) {
  struct Own {
    int64_t debug = 0;
    std::string dtype = "fp32";
    void fields(FieldCollector& v) {
      v("debug", debug, "own meaning");
      v("dtype", dtype, "of the file", {.choices = {"fp32", "fp16"}});
    }
  } own;
  const ParseResult result = parse_options(collect_fields(own), {"--debug", "3", "--dtype", "fp16"});
  EXPECT_EQ(own.debug, 3);
  EXPECT_EQ(own.dtype, "fp16");
  EXPECT_TRUE(result.notes.empty());
}

TEST_F(Parse, SharedNamesAreABug) {
  struct Twice {
    int64_t a = 0, b = 0;
    void fields(FieldCollector& v) {
      v("a", a, "");
      v("b", b, "", {.aliases = {"a"}});
    }
  } twice;
  EXPECT_THROW(parse_options(collect_fields(twice), {}), BugError);
}

}  // namespace
}  // namespace keel::test
