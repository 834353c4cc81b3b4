#include "train/saver.h"

#include "base/fs.h"
#include "base/log.h"
#include "checkpoint/adapter_folder.h"
#include "checkpoint/checksums.h"
#include "checkpoint/run_state.h"
#include "model/factory.h"
#include "optim/dither.h"

namespace keel {
namespace {

using AsType = at::Tensor (*)(const at::Tensor&, at::ScalarType);

at::Tensor value_as(const at::Tensor& value, at::ScalarType type) {
  return type == at::kBFloat16 ? dithered(value.contiguous()) : value.to(type);
}
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

TensorMap Saver::state() const {
  TensorMap out = optimiser_.state();
  if (recent_) out.merge(recent_->state());
  return out;
}

// state: that of state(), or copies of it. What is made of them shares their memory where a file holds them
// as they are; everything else is made here, so that writing computes nothing.
Snapshot Saver::snapshot_of(TensorMap state) const {
  std::map<std::string, at::Tensor> trained;
  for (const auto& [name, own] : optimiser_.masters()) trained[name] = state.at("master." + name);
  Snapshot out{.optimiser = std::move(state)};
  if (auto adapter = model_.lm->adapter_weights(trained)) {
    out.adapter = std::move(adapter->config);
    out.weights = std::move(adapter->tensors);
  } else {
    out.weights = merged_weights(model_.folder, trained, value_as);
  }
  return out;
}

void Saver::write_weights(const Snapshot& snapshot, const fs::path& dir) const {
  if (snapshot.adapter)
    save_adapter(dir, *snapshot.adapter, snapshot.weights);
  else
    save_hf_folder(model_.folder, snapshot.weights, model_.config, dir);
  if (model_.tokens_added) model_.tokenizer.save(dir);  // over the folder's own
}

SaveSizes Saver::sizes() const {
  const std::map<std::string, at::Tensor> trained = optimiser_.masters();
  SaveSizes out{.optimiser = safetensors_bytes(state())};
  if (const auto adapter = model_.lm->adapter_weights(trained))
    out.weights = adapter_bytes(adapter->config, adapter->tensors);
  else
    out.weights =
        hf_folder_bytes(model_.folder, merged_weights(model_.folder, trained, shape_only), model_.config);
  return out;
}

fs::path Saver::write_checkpoint(const Snapshot& snapshot, int64_t step, const Json& trainer_state,
                                 int64_t keep) const {
  const fs::path root = run_dir_ / "checkpoints";
  PartFolder part(root / checkpoint_name(step), PartFolder::Existing::replace);
  write_weights(snapshot, part.dir());
  write_run_state(part.dir(), {.trainer = trainer_state, .optimizer = snapshot.optimiser});
  TensorMap held = snapshot.weights;
  held.insert(snapshot.optimiser.begin(), snapshot.optimiser.end());
  write_checksums(part.dir(), held);
  part.commit();
  prune_checkpoints(root, step, keep);
  return root / checkpoint_name(step);
}

fs::path Saver::checkpoint(int64_t step, const Json& trainer_state, int64_t keep) {
  wait();
  return write_checkpoint(snapshot_of(state()), step, trainer_state, keep);
}

void Saver::start_checkpoint(int64_t step, const Json& trainer_state, int64_t keep) {
  wait();  // the copies are being written until then
  const TensorMap state = this->state();
  if (beside_ && !copies_.fit(state)) {
    info("no memory is free for a copy of weights and moments: training waits while checkpoints are written");
    beside_ = false;
  }
  if (!beside_) {
    checkpoint(step, trainer_state, keep);
    return;
  }
  background_.start([this, step, trainer_state, keep, snapshot = snapshot_of(copies_.take(state))] {
    write_checkpoint(snapshot, step, trainer_state, keep);
  });
}

void Saver::wait() { background_.wait(); }
void Saver::check() { background_.check(); }

void Saver::prune(int64_t step, int64_t keep) {
  wait();
  prune_checkpoints(run_dir_ / "checkpoints", step, keep);
}

fs::path Saver::weights(const std::string& name) {
  wait();
  PartFolder part(run_dir_ / name, PartFolder::Existing::replace);
  write_weights(snapshot_of(state()), part.dir());
  part.commit();
  return run_dir_ / name;
}

fs::path Saver::link(const std::string& from, const std::string& to) {
  wait();
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
