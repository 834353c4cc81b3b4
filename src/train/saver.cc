#include "train/saver.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/fs.h"
#include "checkpoint/adapter_folder.h"
#include "checkpoint/checksums.h"
#include "checkpoint/run_state.h"
#include "model/factory.h"

namespace keel {
namespace {

// The folder's own tensors with the trained ones put in, each in the type it had there: frozen weights are
// kept bit by bit.
TensorMap merged_weights(const HfFolder& folder, const std::map<std::string, at::Tensor>& trained) {
  TensorMap out = folder.tensors();
  for (const auto& [name, value] : trained) {
    const auto old = out.find(name);
    out[name] = value.to(old == out.end() ? at::kFloat : old->second.scalar_type());
  }
  return out;
}

}  // namespace

void Saver::write_weights(const fs::path& dir) const {
  const std::map<std::string, at::Tensor> trained = optimiser_.masters();
  if (const auto adapter = model_.lm->adapter_weights(trained)) {
    save_adapter(dir, adapter->config, adapter->tensors);
  } else {
    save_hf_folder(model_.folder, merged_weights(model_.folder, trained), model_.config, dir);
  }
  if (model_.tokens_added) model_.tokenizer.save(dir);  // over the folder's own
}

fs::path Saver::checkpoint(int64_t step, const Json& trainer_state, int64_t keep) const {
  const fs::path root = run_dir_ / "checkpoints";
  const fs::path target = root / checkpoint_name(step);
  std::error_code ec;
  fs::remove_all(target, ec);
  PartFolder part(target);
  write_weights(part.dir());
  write_run_state(part.dir(), {.trainer = trainer_state, .optimizer = optimiser_.state()});
  write_checksums(part.dir());
  part.commit();
  prune_checkpoints(root, keep);
  return target;
}

fs::path Saver::replace(const std::string& name, const std::function<void(const fs::path&)>& fill) const {
  const fs::path target = run_dir_ / name, fresh = run_dir_ / (name + ".new");
  std::error_code ec;
  fs::remove_all(fresh, ec);  // what a kill left
  PartFolder part(fresh);
  fill(part.dir());
  part.commit();
  // Exchanged, so that at no time there is neither the old folder nor the new one.
  if (::renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) == 0) {
    fs::remove_all(fresh, ec);
    return target;
  }
  fs::remove_all(target, ec);
  fs::rename(fresh, target);
  return target;
}

fs::path Saver::weights(const std::string& name) const {
  return replace(name, [this](const fs::path& dir) { write_weights(dir); });
}

fs::path Saver::link(const std::string& from, const std::string& to) const {
  return replace(to, [&](const fs::path& dir) {
    for (const auto& entry : fs::directory_iterator(run_dir_ / from)) {
      std::error_code ec;
      fs::create_hard_link(entry.path(), dir / entry.path().filename(), ec);
      if (ec) fs::copy_file(entry.path(), dir / entry.path().filename());
    }
  });
}

}  // namespace keel
