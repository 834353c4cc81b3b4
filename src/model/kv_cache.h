// Keys and values of the sequences being decoded, each with a length and room of its own.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "model/attention.h"
#include "model/config.h"
#include "model/model.h"

namespace keel {

class SequenceCache final : public KvCache {
 public:
  SequenceCache(const ModelConfig& config, int64_t sequences, const at::TensorOptions& options);

  int64_t sequences() const { return static_cast<int64_t>(sequences_.size()); }
  int64_t length(int64_t sequence) const { return sequences_[sequence].length; }  // tokens held

  void keep(int64_t sequence, int64_t tokens) override;
  void swap(int64_t a, int64_t b) override { std::swap(sequences_[a], sequences_[b]); }

  // A pass over the model: room for its tokens and for what its sequences begin with; in each layer the new
  // keys and values of each sequence in turn, which gives all of it; and all are held. A pass with gradient
  // leaves the last to keep(): recomputed in the backward pass, a layer writes to the same place again.
  void open(const PackedTokens& fresh);
  KeysValues append(int64_t layer, int64_t sequence, const KeysValues& fresh, const Beginning& beginning);
  void close(const PackedTokens& fresh);

 private:
  struct Sequence {
    std::vector<KeysValues> layers;  // with room for more tokens than are held
    int64_t length = 0, room = 0;
    int64_t written = 0;  // by the last pass, too
  };
  void make_room(Sequence& sequence, int64_t tokens) const;

  std::vector<Sequence> sequences_;
  int64_t kv_heads_, head_dim_;
  at::TensorOptions options_;
};

}  // namespace keel
