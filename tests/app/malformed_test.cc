// Files that a user may hand over by mistake or on purpose: each is refused by the real program with a text
// that is compared as a whole.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "app/program.h"
#include "checkpoint/safetensors_bytes.h"

namespace keel::test {
namespace {

enum class Made {
  kFile,     // of these bytes
  kPatch,    // JSON that is merged into the file of the good model
  kFolder,   // where a file is wanted
  kLink,     // to nowhere
  kPipe,     // that nobody writes into
  kNothing,  // it is taken away
};

// In bytes, args and text DIR stands for the test's folder.
struct MalformedInput {
  const char* name;
  Made made;
  std::string file;
  std::string bytes;
  std::string args;
  std::string text;  // without "keel: " and the last line break
};

std::string malformed_name(const testing::TestParamInfo<MalformedInput>& info) { return info.param.name; }

void PrintTo(const MalformedInput& input, std::ostream* out) { *out << input.name; }

std::string each_replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

// Lines of progress come before the error ("model: …"); what they say is no part of it.
std::string error_behind_progress(const std::string& text) {
  const size_t at = ("\n" + text).find("\nkeel: ");
  return at == std::string::npos ? text : text.substr(at);
}

const std::string kTrainMalformed =
    "train --model_name_or_path DIR/model --output_dir DIR/out --precision fp32 --threads 1 --max_steps 1 ";
const std::string kOnGoodRows = kTrainMalformed + "--dataset DIR/rows.jsonl ";

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

MalformedInput bad_model(const char* name, const std::string& file, const std::string& bytes,
                         const std::string& text, Made made = Made::kFile) {
  return {name, made, "model/" + file, bytes, kOnGoodRows, text};
}

MalformedInput bad_model_config(const char* name, const std::string& patch, const std::string& text) {
  return bad_model(name, "config.json", patch, text, Made::kPatch);
}

std::vector<MalformedInput> bad_model_configs() {
  return {
      bad_model("ConfigMissing", "config.json", "",
                "DIR/model: no config.json\n  wanted: a model folder\n"
                "  try:    name the folder of a Hugging Face model",
                Made::kNothing),
      bad_model("ConfigIsAList", "config.json", "[1]", "DIR/model/config.json: not a JSON object"),
      bad_model_config("HiddenSizeNegative", R"({"hidden_size": -32})",
                       "DIR/model/config.json: \"hidden_size\": -32\n  wanted: a positive whole number"),
      bad_model_config(
          "HeadsDoNotDivide", R"({"num_attention_heads": 6})",
          "DIR/model/config.json: \"num_attention_heads\": 6\n  wanted: a divisor of hidden_size, 32, or a "
          "key head_dim"),
      bad_model_config(
          "VocabularyOfABillion", R"({"vocab_size": 1000000000})",
          "weight model.embed_tokens.weight: shape 98x32\n  wanted: shape 1000000000x32, as "
          "config.json says\n  try:    config.json belongs to another model, or the tokenizer was "
          "changed without it"),
      bad_model_config("VocabularyIsAWord", R"({"vocab_size": "many"})",
                       "DIR/model/config.json: \"vocab_size\": \"many\"\n  wanted: a positive whole number"),
      bad_model_config(
          "WindowBeforeTheFirstLayer",
          R"({"model_type": "mistral", "architectures": ["MistralForCausalLM"], "sliding_window": 8, )"
          R"("max_window_layers": -3})",
          "DIR/model/config.json: \"max_window_layers\": -3\n  wanted: a whole number, at least 0"),
      bad_model_config("LayersOfABillion", R"({"num_hidden_layers": 1000000000})",
                       "DIR/model/config.json: \"num_hidden_layers\": 1000000000\n  wanted: at most 100000"),
      bad_model_config("HeadsBeyondAllBounds", R"({"head_dim": 4611686018427387904})",
                       "DIR/model/config.json: \"head_dim\": 4611686018427387904\n"
                       "  wanted: a whole number up to 2147483647"),
      bad_model_config(
          "UnknownArchitecture", R"({"architectures": ["TideForCausalLM"]})",
          "DIR/model/config.json: architectures \"TideForCausalLM\"\n  wanted: one of LlamaForCausalLM, "
          "MistralForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM\n"
          "  try:    docs/add-a-model.md shows how a family is added"),
  };
}

std::vector<MalformedInput> bad_tokenizers() {
  const std::string again =
      "\n  try:    get the file again; it may be cut, or made by a newer version of tokenizers";
  const std::string templates =
      "one of the built-in templates (chatml, qwen2.5, qwen3, llama3, mistral, gemma, smollm2, phi3, zephyr, "
      "alpaca, plain) or give a Jinja file with chat_template";
  const std::string chat = "DIR/model/tokenizer_config.json: chat_template: ";
  const auto chat_template = [](const char* name, const std::string& source, const std::string& text) {
    return bad_model(name, "tokenizer_config.json", Json{{"chat_template", source}}.dump(), text,
                     Made::kPatch);
  };
  return {
      bad_model("TokenizerIsText", "tokenizer.json", "hello",
                "DIR/model/tokenizer.json: not a tokenizer: expected value at line 1 column 1" + again),
      bad_model("IdBehindTheEmbedding", "tokenizer.json", R"({"model": {"vocab": {"a": 500}}})",
                "DIR/model: tokenizer.json has ids up to 500, the model has 98 embedding rows\n"
                "  wanted: a tokenizer that fits the model\n"
                "  try:    copy the tokenizer that belongs to this model, or name new tokens in add_tokens",
                Made::kPatch),
      chat_template("TemplateDoesNotCompile", "{% for m in messages %}{{ m.content }",
                    chat +
                        "syntax error: unexpected `}`, expected end of variable block (in chat "
                        "template:1)\n  try:    mend the Jinja source, or name " +
                        templates),
      chat_template("TemplateWithoutEnd",
                    "{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}",
                    chat + "the template does not end: more than 5 million instructions"),
      chat_template("TemplateDoublesAText",
                    "{% set ns = namespace(s='ab') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}"
                    "{% endfor %}",
                    chat + "the template needs more than 256 MiB of memory, or copies it around for ever"),
      chat_template("TemplateLeavesRepliesOut", "hello",
                    "DIR/rows.jsonl:1: 40 of 40 rows are refused by the chat template, this one: the chat "
                    "template renders nothing of the replies\n  wanted: replies to train\n"
                    "  try:    mend these rows, name another template, or raise max_rejected"),
  };
}

MalformedInput bad_index(const char* name, const std::string& bytes, const std::string& text) {
  const std::string file = "model/model.safetensors.index.json";
  return {name, Made::kFile, file, bytes, kOnGoodRows, "DIR/" + file + text};
}

std::vector<MalformedInput> bad_weights() {
  const std::string trust =
      "\n  wanted: the plain name of a .safetensors file in the same folder\n"
      "  try:    do not use this folder unless you trust where it comes from";
  return {
      bad_index("ShardOutsideTheFolder", R"({"weight_map": {"a": "../x"}})",
                ", tensor \"a\": file \"../x\"" + trust),
      bad_index("ShardMissing", R"({"weight_map": {"a": "model-00001-of-00002.safetensors"}})",
                ": 1 of 1 files are missing: model-00001-of-00002.safetensors\n"
                "  wanted: every file that the index names\n"
                "  try:    download the model again; finished files are kept"),
      bad_index("IndexIsAList", "[]", ": no \"weight_map\"\n  wanted: tensor names and files"),
      bad_model("WeightsLinkToNowhere", "model.safetensors", "",
                "DIR/model: no weights\n  wanted: model.safetensors or model.safetensors.index.json\n"
                "  try:    download the whole model folder",
                Made::kLink),
      bad_model("WeightsAreAPipe", "model.safetensors", "", "DIR/model/model.safetensors: not a regular file",
                Made::kPipe),
      bad_model("WeightsAreAFolder", "model.safetensors", "",
                "DIR/model/model.safetensors: not a regular file", Made::kFolder),
  };
}

MalformedInput bad_adapter(const char* name, Made made, const std::string& file, const std::string& bytes,
                           const std::string& text) {
  const std::string args = kOnGoodRows + "--finetuning_type lora --adapter_name_or_path DIR/adapter";
  return {name, made, "adapter/" + file, bytes, args, text};
}

const std::string kQueries = "base_model.model.model.layers.0.self_attn.q_proj.";

// Low-rank tensors of one layer of the tiny model, of rank 4, all bytes the same: '\1' a small number, '\xFF'
// NaN.
std::string adapter_tensors(char byte) {
  const std::string header =
      "{\"" + kQueries +
      R"(lora_A.weight": {"dtype": "F32", "shape": [4, 32], "data_offsets": [0, 512]}, ")" + kQueries +
      R"(lora_B.weight": {"dtype": "F32", "shape": [32, 4], "data_offsets": [512, 1024]}})";
  return safetensors_bytes(header, 0) + std::string(1024, byte);
}

std::vector<MalformedInput> bad_adapters() {
  const auto changed = [](const char* name, const std::string& patch, const std::string& text) {
    return bad_adapter(name, Made::kPatch, "adapter_config.json", patch, text);
  };
  return {
      changed("AdapterRankNegative", R"({"r": -4})",
              "adapter_config.json: \"r\": -4\n  wanted: a positive whole number"),
      changed("AdapterOfAnotherRank", R"({"r": 8})",
              "the adapter: " + kQueries +
                  "lora_A.weight of shape 4x32\n  wanted: shape 8x32\n"
                  "  try:    the adapter belongs to another base model, or adapter_config.json to another "
                  "adapter"),
      changed("AdapterOfManyRanks", R"({"rank_pattern": {"q_proj": 4}})",
              "adapter_config.json: \"rank_pattern\": ranks that vary from layer to layer\n"
              "  wanted: one rank, to train the adapter further\n"
              "  try:    keel merge makes a whole model of it, which can be trained"),
      changed("AdapterOfRowsBeforeTheFirst", R"({"trainable_token_indices": {"embed_tokens": [-1]}})",
              "adapter_config.json: \"trainable_token_indices\": {\"embed_tokens\":[-1]}\n"
              "  wanted: token ids, each once"),
      changed("AdapterDropsAll", R"({"lora_dropout": 2})",
              "adapter_config.json: \"lora_dropout\": 2\n  wanted: a number from 0 to below 1"),
      bad_adapter("AdapterOfNoNumbers", Made::kFile, "adapter_model.safetensors", adapter_tensors('\xFF'),
                  "weight " + kQueries +
                      "lora_A.weight: 128 of 128 values are NaN or infinite\n  wanted: finite numbers\n"
                      "  try:    the training that wrote this model diverged, or the file is damaged"),
      changed("AdapterOfAnotherKind", R"({"peft_type": "IA3"})",
              "DIR/adapter/adapter_config.json: an adapter of type \"IA3\"\n  wanted: \"LORA\"\n"
              "  try:    merge it into its base model with PEFT first"),
      bad_adapter("AdapterIsAList", Made::kFile, "adapter_config.json", "[]",
                  "DIR/adapter/adapter_config.json: not a JSON object"),
      bad_adapter("AdapterWithoutConfig", Made::kNothing, "adapter_config.json", "",
                  "DIR/adapter: no adapter_config.json\n  wanted: a LoRA adapter's folder\n"
                  "  try:    check the path for a typo"),
      bad_adapter("AdapterWithoutWeights", Made::kNothing, "adapter_model.safetensors", "",
                  "DIR/adapter: no adapter_model.safetensors\n  wanted: adapter_model.safetensors\n"
                  "  try:    copy the whole adapter folder"),
  };
}

class Malformed : public TrainingTest, public testing::WithParamInterface<MalformedInput> {
 protected:
  void SetUp() override {
    TrainingTest::SetUp();
    make_folders(dir_ / "adapter");
    write_file(dir_ / "adapter/adapter_model.safetensors", adapter_tensors('\1'));
    write_file(dir_ / "adapter/adapter_config.json",
               R"({"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"]})");
    const MalformedInput& input = GetParam();
    const fs::path file = dir_ / input.file;
    const std::string before = input.made == Made::kPatch ? read_text(file) : "";
    fs::remove(file);
    // An index is looked at only where there is no model.safetensors.
    if (input.file.ends_with("index.json")) fs::remove(dir_ / "model/model.safetensors");
    if (input.made == Made::kFile) write_file(file, in_folder(input.bytes));
    if (input.made == Made::kFolder) make_folders(file);
    if (input.made == Made::kPipe) {
      ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
    }
    if (input.made == Made::kLink) fs::create_symlink("nowhere", file);
    if (input.made == Made::kPatch) {
      Json json = Json::parse(before);
      json.merge_patch(Json::parse(input.bytes));
      write_file(file, json.dump());
    }
  }

  std::string in_folder(const std::string& text) const {
    return each_replaced(text, "DIR", dir_.path().string());
  }
};

TEST_P(Malformed, IsRefusedWithItsWholeText) {
  const auto out = run_keel(in_folder(GetParam().args), "timeout 30");
  EXPECT_EQ(out.code, 2) << out.text;
  EXPECT_EQ(error_behind_progress(each_replaced(out.text, dir_.path().string(), "DIR")),
            "keel: " + GetParam().text + "\n");
  EXPECT_FALSE(fs::exists(dir_ / "out/model"));
}

INSTANTIATE_TEST_SUITE_P(Json, Malformed, testing::ValuesIn(bad_json()), malformed_name);
INSTANTIATE_TEST_SUITE_P(Tables, Malformed, testing::ValuesIn(bad_tables()), malformed_name);
INSTANTIATE_TEST_SUITE_P(Packed, Malformed, testing::ValuesIn(bad_packed()), malformed_name);
INSTANTIATE_TEST_SUITE_P(Configs, Malformed, testing::ValuesIn(bad_configs()), malformed_name);
INSTANTIATE_TEST_SUITE_P(SuitesAndPlans, Malformed, testing::ValuesIn(bad_suites_and_plans()),
                         malformed_name);
INSTANTIATE_TEST_SUITE_P(ModelConfigs, Malformed, testing::ValuesIn(bad_model_configs()), malformed_name);
INSTANTIATE_TEST_SUITE_P(Tokenizers, Malformed, testing::ValuesIn(bad_tokenizers()), malformed_name);
INSTANTIATE_TEST_SUITE_P(Weights, Malformed, testing::ValuesIn(bad_weights()), malformed_name);
INSTANTIATE_TEST_SUITE_P(Adapters, Malformed, testing::ValuesIn(bad_adapters()), malformed_name);

}  // namespace
}  // namespace keel::test
