#include "train/saver.h"

#include "base/fs.h"
#include "checkpoint/adapter_folder.h"
#include "checkpoint/checksums.h"
#include "checkpoint/run_state.h"
#include "model/factory.h"

namespace keel {
namespace {

using AsType = at::Tensor (*)(const at::Tensor&, at::ScalarType);

at::Tensor value_as(const at::Tensor& value, at::ScalarType type) { return value.to(type); }
at::Tensor shape_only(const at::Tensor& value, at::ScalarType type) {
  return at::empty(value.sizes(), at::TensorOptions(type).device(at::kMeta));
}

// The folder's own tensors with the trained ones put in, each in the type it had there: frozen weights are
// kept bit by bit.
TensorMap merged_weights(const HfFolder& folder, const std::map<std::string, at::Tensor>& trained,
                         AsType as) {
  TensorMap out = folder.tensors();
  for (const auto& [name, value] : trained) {
    const auto old = out.find(name);
    out[name] = as(value, old == out.end() ? at::kFloat : old->second.scalar_type());
  }
  return out;
}

}  // namespace

void Saver::write_weights(const fs::path& dir) const {
  const std::map<std::string, at::Tensor> trained = optimiser_.masters();
  if (const auto adapter = model_.lm->adapter_weights(trained)) {
    save_adapter(dir, adapter->config, adapter->tensors);
  } else {
    save_hf_folder(model_.folder, merged_weights(model_.folder, trained, value_as), model_.config, dir);
  }
  if (model_.tokens_added) model_.tokenizer.save(dir);  // over the folder's own
}

SaveSizes Saver::sizes() const {
  const std::map<std::string, at::Tensor> trained = optimiser_.masters();
  SaveSizes out{.optimiser = safetensors_bytes(optimiser_.state())};
  if (const auto adapter = model_.lm->adapter_weights(trained))
    out.weights = adapter_bytes(adapter->config, adapter->tensors);
  else
    out.weights =
        hf_folder_bytes(model_.folder, merged_weights(model_.folder, trained, shape_only), model_.config);
  return out;
}

fs::path Saver::checkpoint(int64_t step, const Json& trainer_state, int64_t keep) const {
  const fs::path root = run_dir_ / "checkpoints";
  PartFolder part(root / checkpoint_name(step), PartFolder::Existing::replace);
  write_weights(part.dir());
  write_run_state(part.dir(), {.trainer = trainer_state, .optimizer = optimiser_.state()});
  write_checksums(part.dir());
  part.commit();
  prune(step, keep);
  return root / checkpoint_name(step);
}

void Saver::prune(int64_t step, int64_t keep) const {
  prune_checkpoints(run_dir_ / "checkpoints", step, keep);
}

fs::path Saver::weights(const std::string& name) const {
  PartFolder part(run_dir_ / name, PartFolder::Existing::replace);
  write_weights(part.dir());
  part.commit();
  return run_dir_ / name;
}

fs::path Saver::link(const std::string& from, const std::string& to) const {
  PartFolder part(run_dir_ / to, PartFolder::Existing::replace);
  for (const fs::path& file : list_files(run_dir_ / from)) {
    const fs::path copy = part.dir() / file.lexically_relative(run_dir_ / from);
    make_folders(copy.parent_path());
    link_or_copy(file, copy);
  }
  part.commit();
  return run_dir_ / to;
}

}  // namespace keel
