#include "checkpoint/hf_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/fs.h"
#include "base/names.h"

namespace keel {
namespace {

constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

std::vector<fs::path> files_of(const fs::path& dir) {
  std::vector<fs::path> out = list_folder(dir);
  std::erase_if(out, [](const fs::path& file) { return !fs::is_regular_file(file); });
  return out;
}

// A first file with that ending, or "".
std::string file_ending_with(const fs::path& dir, std::string_view ending) {
  for (const fs::path& file : files_of(dir))
    if (file.filename().string().ends_with(ending)) return file.filename().string();
  return "";
}

[[noreturn]] void fail_no_config(const fs::path& dir) {
  std::string hint = "name the folder of a Hugging Face model";
  if (const std::string gguf = file_ending_with(dir, ".gguf"); !gguf.empty())
    hint = fmt::format("keel import {} NEW_FOLDER", (dir / gguf).string());
  else if (fs::exists(dir / "adapter_config.json"))
    hint = "this is an adapter: name its base model here and the adapter as adapter_name_or_path";
  throw UserError(
      {.where = dir.string(), .found = "no config.json", .wanted = "a model folder", .hint = hint});
}

[[noreturn]] void fail_no_weights(const fs::path& dir) {
  std::string pickle;
  for (const char* ending : {".bin", ".pt", ".pth"})
    if (pickle.empty()) pickle = file_ending_with(dir, ending);
  if (!pickle.empty())
    throw UserError(
        {.where = dir.string(),
         .found = "only pickled weights (" + pickle + "), which can run any code when they are read",
         .wanted = std::string(kSingle) + " or its shards",
         .hint = "in Python: AutoModelForCausalLM.from_pretrained(DIR).save_pretrained(NEW_DIR)"});
  throw UserError({.where = dir.string(),
                   .found = "no weights",
                   .wanted = fmt::format("{} or {}", kSingle, kIndex),
                   .hint = "download the whole model folder"});
}

// Shard -> names in it. A shard's name must be a plain file name: a path could reach out of the folder.
std::map<std::string, std::vector<std::string>> read_index(const fs::path& path) {
  const Json index = read_json(path);
  const auto map = index.is_object() ? index.find("weight_map") : index.end();
  if (!index.is_object() || map == index.end() || !map->is_object())
    throw UserError(
        {.where = path.string(), .found = "no \"weight_map\"", .wanted = "tensor names and files"});
  std::map<std::string, std::vector<std::string>> shards;
  for (const auto& [name, file] : map->items()) {
    const std::string shard = file.is_string() ? file.get<std::string>() : "";
    if (shard.empty() || shard.find_first_of("/\\") != std::string::npos || !shard.ends_with(".safetensors"))
      throw UserError({.where = fmt::format("{}, tensor \"{}\"", path.string(), name),
                       .found = "file " + to_line(file),
                       .wanted = "the plain name of a .safetensors file in the same folder",
                       .hint = "do not use this folder unless you trust where it comes from"});
    shards[shard].push_back(name);
  }
  return shards;
}

void check_shards(const fs::path& dir, const std::map<std::string, std::vector<std::string>>& shards) {
  std::vector<std::string> missing;
  for (const auto& [shard, names] : shards)
    if (!fs::exists(dir / shard)) missing.push_back(shard);
  if (missing.empty()) return;
  throw UserError(
      {.where = (dir / kIndex).string(),
       .found = fmt::format("{} of {} files are missing: {}", missing.size(), shards.size(), join(missing)),
       .wanted = "every file that the index names",
       .hint = "download the model again; finished files are kept"});
}

SafetensorsFile read_shards(const fs::path& dir) {
  const auto shards = read_index(dir / kIndex);
  check_shards(dir, shards);
  SafetensorsFile out;
  for (const auto& [shard, names] : shards) {
    SafetensorsFile part = read_safetensors(dir / shard);
    for (const std::string& name : names) {
      const auto it = part.tensors.find(name);
      if (it == part.tensors.end())
        throw UserError({.where = (dir / shard).string(),
                         .found = fmt::format("no tensor \"{}\"", name),
                         .wanted = "what " + std::string(kIndex) + " promises",
                         .hint = "the files are of different versions: download the model again"});
      out.tensors.emplace(name, it->second);
    }
    out.metadata.merge(part.metadata);
  }
  return out;
}

// Files of a source folder that a newly saved model must not inherit: weights in any form, and what described
// them or a training run.
bool is_kept(const std::string& name) {
  static const std::set<std::string> dropped{"config.json", "adapter_config.json", "trainer_state.json",
                                             "checksums.json"};
  if (dropped.contains(name)) return false;
  for (const char* ending : {".safetensors", ".bin", ".pt", ".pth", ".gguf", ".h5", ".msgpack", ".onnx",
                             ".ot", ".index.json", ".part"})
    if (name.ends_with(ending)) return false;
  return true;
}

// What is copied as it is, as paths within the folder.
std::vector<fs::path> kept_files(const fs::path& from) {
  std::vector<fs::path> out;
  for (const fs::path& file : files_of(from))
    if (is_kept(file.filename().string())) out.push_back(file.filename());
  const fs::path templates = "additional_chat_templates";  // the one sub-folder that is part of a model
  if (fs::is_directory(from / templates))
    for (const fs::path& file : files_of(from / templates)) out.push_back(templates / file.filename());
  return out;
}

// transformers ties the head to the embedding by itself and holds the pair once.
TensorMap without_tied_head(const TensorMap& tensors, const Json& config) {
  TensorMap out = tensors;
  const auto head = out.find("lm_head.weight");
  const auto embedding = out.find("model.embed_tokens.weight");
  if (!config.value("tie_word_embeddings", false) || head == out.end() || embedding == out.end()) return out;
  if (head->second.is_alias_of(embedding->second)) out.erase(head);
  return out;
}

// Greedy in name order; a tensor larger than the limit gets a file of its own.
std::vector<TensorMap> split_shards(const TensorMap& tensors, int64_t max_shard_bytes) {
  std::vector<TensorMap> shards(1);
  int64_t used = 0;
  for (const auto& [name, tensor] : tensors) {
    const auto bytes = static_cast<int64_t>(tensor.nbytes());
    if (!shards.back().empty() && used + bytes > max_shard_bytes) {
      shards.emplace_back();
      used = 0;
    }
    shards.back().emplace(name, tensor);
    used += bytes;
  }
  return shards;
}

void save_weights(const TensorMap& tensors, const fs::path& out, int64_t max_shard_bytes) {
  const std::vector<TensorMap> shards = split_shards(tensors, max_shard_bytes);
  if (shards.size() == 1) return save_safetensors(out / kSingle, shards.front());
  std::map<std::string, std::string> weight_map;
  int64_t total = 0;
  for (size_t i = 0; i < shards.size(); ++i) {
    const std::string name = fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
    save_safetensors(out / name, shards[i]);
    for (const auto& [tensor_name, tensor] : shards[i]) {
      weight_map[tensor_name] = name;
      total += static_cast<int64_t>(tensor.nbytes());
    }
  }
  const Json index{{"metadata", {{"total_size", total}}}, {"weight_map", weight_map}};
  write_file(out / kIndex, index.dump(2) + "\n");
}

}  // namespace

HfFolder HfFolder::open(const std::filesystem::path& dir) {
  if (!fs::is_directory(dir))
    throw UserError({.where = dir.string(), .found = "no such folder", .wanted = "a model folder"});
  if (!fs::exists(dir / "config.json")) fail_no_config(dir);
  HfFolder folder{.dir = dir, .config = read_json(dir / "config.json")};
  if (!folder.config.is_object())
    throw UserError({.where = folder.config_path().string(), .found = "not a JSON object"});
  return folder;
}

TensorMap HfFolder::tensors() const {
  SafetensorsFile file;
  if (fs::exists(dir / kSingle))
    file = read_safetensors(dir / kSingle);
  else if (fs::exists(dir / kIndex))
    file = read_shards(dir);
  else
    fail_no_weights(dir);
  // safetensors' save_model leaves a shared tensor out and notes "left out name" -> "kept name".
  for (const auto& [alias, kept] : file.metadata)
    if (const auto it = file.tensors.find(kept); it != file.tensors.end())
      file.tensors.emplace(alias, it->second);
  return std::move(file.tensors);
}

void save_hf_folder(const HfFolder& source, const TensorMap& tensors, const Json& config,
                    const std::filesystem::path& out, int64_t max_shard_bytes) {
  make_folders(out);
  if (!source.dir.empty())
    for (const fs::path& file : kept_files(source.dir)) copy_flushed(source.dir / file, out / file);
  write_file(out / "config.json", config.dump(2) + "\n");
  save_weights(without_tied_head(tensors, config), out, max_shard_bytes);
}

int64_t hf_folder_bytes(const HfFolder& source, const TensorMap& tensors, const Json& config) {
  int64_t bytes = safetensors_bytes(without_tied_head(tensors, config));
  bytes += static_cast<int64_t>(config.dump(2).size() + 1);
  if (!source.dir.empty())
    for (const fs::path& file : kept_files(source.dir))
      bytes += static_cast<int64_t>(fs::file_size(source.dir / file));
  return bytes;
}

}  // namespace keel
