// Models and adapters that a user may hand over by mistake or on purpose.
#include "app/malformed.h"

#include <gtest/gtest.h>

namespace keel::test {
namespace {

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

class MalformedModel : public MalformedTest {};

TEST_P(MalformedModel, IsRefusedWithItsWholeText) { expect_refused(); }

INSTANTIATE_TEST_SUITE_P(ModelConfigs, MalformedModel, testing::ValuesIn(bad_model_configs()),
                         malformed_name);
INSTANTIATE_TEST_SUITE_P(Tokenizers, MalformedModel, testing::ValuesIn(bad_tokenizers()), malformed_name);
INSTANTIATE_TEST_SUITE_P(Weights, MalformedModel, testing::ValuesIn(bad_weights()), malformed_name);
INSTANTIATE_TEST_SUITE_P(Adapters, MalformedModel, testing::ValuesIn(bad_adapters()), malformed_name);

}  // namespace
}  // namespace keel::test
