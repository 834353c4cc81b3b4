#include "checkpoint/hf_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/error.h"
#include "base/fs.h"
#include "support/error_of.h"
#include "support/paths.h"

namespace keel {
namespace {

using test::error_of;
using testing::HasSubstr;

void expect_same(const TensorMap& a, const TensorMap& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, tensor] : a) {
    ASSERT_TRUE(b.contains(name)) << name;
    EXPECT_TRUE(tensor.equal(b.at(name))) << name;
  }
}

struct Model {
  test::TempDir temp;
  fs::path dir = temp / "model";
  Model() {
    write_file(dir / "config.json", R"({"model_type":"llama"})");
    write_file(dir / "tokenizer.json", "{}");
  }
  HfFolder open() const { return HfFolder::open(dir); }
};

class Env {  // sets a variable for one test
 public:
  Env(const char* name, const std::string& value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    ::setenv(name, value.c_str(), 1);
  }
  ~Env() { old_.empty() ? ::unsetenv(name_) : ::setenv(name_, old_.c_str(), 1); }

 private:
  const char* name_;
  std::string old_;
};

TEST(HfFolder, ShardsAreReadAsOneModel) {
  const TensorMap sharded = HfFolder::open(test::golden_dir() / "qwen2-sharded").tensors();
  const TensorMap first =
      load_safetensors(test::golden_dir() / "qwen2-sharded/model-00001-of-00002.safetensors");
  const TensorMap second =
      load_safetensors(test::golden_dir() / "qwen2-sharded/model-00002-of-00002.safetensors");
  EXPECT_EQ(sharded.size(), first.size() + second.size());
  EXPECT_TRUE(sharded.contains("model.embed_tokens.weight"));
}

TEST(HfFolder, SaveSplitsAndReadsBackAndKeepsOtherFiles) {
  const HfFolder source = HfFolder::open(test::golden_dir() / "qwen2");
  const TensorMap tensors = source.tensors();
  const test::TempDir temp;
  save_hf_folder(source, tensors, source.config, temp / "one");
  save_hf_folder(source, tensors, source.config, temp / "many", 4096);
  EXPECT_TRUE(fs::exists(temp / "one/model.safetensors"));
  EXPECT_TRUE(fs::exists(temp / "one/generation_config.json"));
  EXPECT_FALSE(fs::exists(temp / "one/golden.safetensors"));
  EXPECT_FALSE(fs::exists(temp / "many/model.safetensors"));
  EXPECT_TRUE(fs::exists(temp / "many/model.safetensors.index.json"));
  expect_same(HfFolder::open(temp / "one").tensors(), tensors);
  expect_same(HfFolder::open(temp / "many").tensors(), tensors);
  EXPECT_EQ(HfFolder::open(temp / "many").config, source.config);
}

TEST(HfFolder, TiedHeadIsWrittenOnce) {
  const test::TempDir temp;
  const at::Tensor weight = at::ones({4, 2});
  const TensorMap tensors{{"lm_head.weight", weight}, {"model.embed_tokens.weight", weight}};
  save_hf_folder({}, tensors, {{"tie_word_embeddings", true}}, temp / "tied");
  save_hf_folder({}, tensors, {{"tie_word_embeddings", false}}, temp / "untied");
  EXPECT_EQ(load_safetensors(temp / "tied/model.safetensors").size(), 1u);
  EXPECT_EQ(load_safetensors(temp / "untied/model.safetensors").size(), 2u);
}

TEST(HfFolder, MetadataNamesTheTiedTensor) {
  KEEL_NEED_SHARED("data/models/tinystories-656k");
  const TensorMap tensors = HfFolder::open(test::shared_dir() / "data/models/tinystories-656k").tensors();
  ASSERT_TRUE(tensors.contains("model.embed_tokens.weight"));
  EXPECT_TRUE(tensors.at("model.embed_tokens.weight").is_alias_of(tensors.at("lm_head.weight")));
  EXPECT_FALSE(tensors.contains("format"));
}

TEST(HfFolder, KeepsTokenizerDropsWeightsOfTheSource) {
  const Model model;
  for (const char* name :
       {"pytorch_model.bin", "old.gguf", "LICENSE", "chat_template.jinja", "trainer_state.json",
        "checksums.json", "additional_chat_templates/tool.jinja", "checkpoint-1/model.safetensors"})
    write_file(model.dir / name, "x");
  save_hf_folder(model.open(), {{"a", at::ones({1})}}, {{"model_type", "llama"}}, model.temp / "out");
  std::vector<std::string> names;
  int64_t bytes = 0;
  for (const fs::path& file : list_files(model.temp / "out")) {
    names.push_back(file.lexically_relative(model.temp / "out").string());
    bytes += static_cast<int64_t>(fs::file_size(file));
  }
  const at::Tensor shape = at::empty({1}, at::TensorOptions(at::kMeta).dtype(at::kFloat));
  EXPECT_EQ(hf_folder_bytes(model.open(), {{"a", shape}}, {{"model_type", "llama"}}), bytes);
  EXPECT_THAT(names,
              testing::UnorderedElementsAre("config.json", "model.safetensors", "tokenizer.json", "LICENSE",
                                            "chat_template.jinja", "additional_chat_templates/tool.jinja"));
}

TEST(HfFolderErrors, NoWeights) {
  const Model model;
  EXPECT_EQ(error_of([&] { model.open().tensors(); }),
            model.dir.string() +
                ": no weights\n  wanted: model.safetensors or model.safetensors.index.json\n"
                "  try:    download the whole model folder");
}

TEST(HfFolderErrors, PickleIsRefused) {
  const Model model;
  write_file(model.dir / "pytorch_model.bin", "x");
  EXPECT_EQ(error_of([&] { model.open().tensors(); }),
            model.dir.string() +
                ": only pickled weights (pytorch_model.bin), which can run any code when they are read\n"
                "  wanted: model.safetensors or its shards\n"
                "  try:    in Python: AutoModelForCausalLM.from_pretrained(DIR).save_pretrained(NEW_DIR)");
}

TEST(HfFolderErrors, IndexThatLeavesTheFolder) {
  for (const char* file : {"../x.safetensors", "/etc/x.safetensors", "a/b.safetensors", "..", "x.bin"}) {
    const Model model;
    const Json index{{"weight_map", {{"a", file}}}};
    write_file(model.dir / "model.safetensors.index.json", index.dump());
    EXPECT_EQ(error_of([&] { model.open().tensors(); }),
              model.dir.string() + "/model.safetensors.index.json, tensor \"a\": file \"" + file +
                  "\"\n  wanted: the plain name of a .safetensors file in the same folder\n"
                  "  try:    do not use this folder unless you trust where it comes from");
  }
}

TEST(HfFolderErrors, MissingShardAndMissingTensor) {
  const Model model;
  write_file(model.dir / "model.safetensors.index.json",
             R"({"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors"}})");
  save_safetensors(model.dir / "m-1.safetensors", {{"x", at::ones({1})}});
  EXPECT_THAT(error_of([&] { model.open().tensors(); }),
              HasSubstr(": 1 of 2 files are missing: m-2.safetensors\n"));
  save_safetensors(model.dir / "m-2.safetensors", {{"b", at::ones({1})}});
  EXPECT_THAT(error_of([&] { model.open().tensors(); }), HasSubstr("m-1.safetensors: no tensor \"a\"\n"));
}

TEST(HfFolderErrors, IndexWithoutMap) {
  const Model model;
  write_file(model.dir / "model.safetensors.index.json", "[]");
  EXPECT_THAT(error_of([&] { model.open().tensors(); }), HasSubstr("index.json: no \"weight_map\"\n"));
}

TEST(HfFolderErrors, NoConfigNamesWhatTheFolderIs) {
  const test::TempDir temp;
  write_file(temp / "adapter/adapter_config.json", "{}");
  write_file(temp / "gguf/m.gguf", "");
  EXPECT_THAT(error_of([&] { HfFolder::open(temp / "adapter"); }), HasSubstr("this is an adapter"));
  EXPECT_THAT(error_of([&] { HfFolder::open(temp / "gguf"); }), HasSubstr("try:    keel import "));
  EXPECT_THAT(error_of([&] { HfFolder::open(temp / "none"); }), HasSubstr("none: no such folder"));
}

TEST(ResolveModel, FindsSnapshotsOfTheHubCache) {
  const test::TempDir temp;
  const Env hub("HF_HUB_CACHE", temp / "hub"), home("HOME", temp / "home");
  write_file(temp / "hub/models--org--name/refs/main", "abc123\n");
  write_file(temp / "hub/models--org--name/snapshots/abc123/config.json", "{}");
  write_file(temp / "hub/models--org--name/snapshots/other/config.json", "{}");
  write_file(temp / "home/.cache/huggingface/hub/models--org--pinned/snapshots/f00/config.json", "{}");
  EXPECT_EQ(resolve_model("org/name"), temp / "hub/models--org--name/snapshots/abc123");
  EXPECT_EQ(resolve_model("org/pinned"),
            temp / "home/.cache/huggingface/hub/models--org--pinned/snapshots/f00");
}

TEST(ResolveModel, FindsModelScopeFolders) {
  const test::TempDir temp;
  const Env scope("MODELSCOPE_CACHE", temp / "scope"), home("HOME", temp / "home");
  write_file(temp / "scope/models/Qwen/Qwen2___5-0___5B/config.json", "{}");
  write_file(temp / "home/.cache/modelscope/hub/org/name/config.json", "{}");
  EXPECT_EQ(resolve_model("Qwen/Qwen2.5-0.5B"), temp / "scope/models/Qwen/Qwen2___5-0___5B");
  EXPECT_EQ(resolve_model("org/name"), temp / "home/.cache/modelscope/hub/org/name");
}

TEST(ResolveModel, AbsentModelPrintsTheDownloadCommand) {
  const test::TempDir temp;
  const Env home("HOME", temp / "home");
  EXPECT_EQ(
      error_of([] { resolve_model("nobody/nothing"); }),
      "model_name_or_path: \"nobody/nothing\" is no folder and not in the local Hugging Face or ModelScope "
      "cache\n  wanted: a folder, or a hub id that has been downloaded\n"
      "  try:    hf download nobody/nothing   (or: modelscope download --model nobody/nothing)");
  EXPECT_THAT(error_of([] { resolve_model("../not/here"); }), HasSubstr("\"../not/here\" does not exist"));
  EXPECT_EQ(resolve_model(temp.path()), temp.path());
}

}  // namespace
}  // namespace keel
