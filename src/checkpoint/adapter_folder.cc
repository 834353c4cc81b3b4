#include "checkpoint/adapter_folder.h"

#include "base/error.h"
#include "base/fs.h"
#include "checkpoint/hub_cache.h"

namespace keel {
namespace {

constexpr const char* kConfig = "adapter_config.json";
constexpr const char* kWeights = "adapter_model.safetensors";

void check_config(const Json& config, const std::string& where) {
  if (!config.is_object()) throw UserError({.where = where, .found = "not a JSON object"});
  const auto type = config.find("peft_type");
  if (type != config.end() && *type != "LORA")
    throw UserError({.where = where,
                     .found = "an adapter of type " + to_line(*type),
                     .wanted = "\"LORA\"",
                     .hint = "merge it into its base model with PEFT first"});
}

}  // namespace

AdapterFolder AdapterFolder::open(const std::string& name_or_path) {
  AdapterFolder folder{.dir = resolve_folder(name_or_path, "adapter_name_or_path", kConfig), .config = {}};
  const fs::path config = folder.dir / kConfig;
  if (!fs::exists(config))
    throw UserError({.where = folder.dir.string(),
                     .found = "no " + std::string(kConfig),
                     .wanted = "a LoRA adapter's folder",
                     .hint = fs::exists(folder.dir / "config.json")
                                 ? "this is a whole model: name it as model_name_or_path"
                                 : "check the path for a typo"});
  folder.config = read_json(config);
  check_config(folder.config, config.string());
  return folder;
}

TensorMap AdapterFolder::tensors() const {
  if (fs::exists(dir / kWeights)) return load_safetensors(dir / kWeights);
  const bool pickled = fs::exists(dir / "adapter_model.bin");
  throw UserError(
      {.where = dir.string(),
       .found = pickled
                    ? "only pickled weights (adapter_model.bin), which can run any code when they are read"
                    : "no " + std::string(kWeights),
       .wanted = kWeights,
       .hint = pickled ? "save the adapter again with a current PEFT" : "copy the whole adapter folder"});
}

void save_adapter(const std::filesystem::path& out, const Json& config, const TensorMap& tensors) {
  make_folders(out);
  save_safetensors(out / kWeights, tensors);
  write_file(out / kConfig, config.dump(2) + "\n");
}

int64_t adapter_bytes(const Json& config, const TensorMap& tensors) {
  return safetensors_bytes(tensors) + static_cast<int64_t>(config.dump(2).size() + 1);
}

}  // namespace keel
