// Keys and values of the sequences being decoded, each with a length of its own.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "model/config.h"
#include "model/model.h"

namespace keel {

class SequenceCache final : public KvCache {
 public:
  struct Layer {
    at::Tensor k, v;  // [sequences, kv_heads, max_tokens, head_dim]
  };

  SequenceCache(const ModelConfig& config, int64_t sequences, int64_t max_tokens,
                const at::TensorOptions& options);

  int64_t sequences() const { return static_cast<int64_t>(lengths_.size()); }
  int64_t max_tokens() const { return max_tokens_; }
  const std::vector<int64_t>& lengths() const { return lengths_; }  // tokens held, per sequence

  void restart(int64_t sequence) override { lengths_[sequence] = 0; }
  void remove(int64_t sequence) override;

  Layer& layer(int64_t i) { return layers_[i]; }
  void add_lengths(const std::vector<int64_t>& offsets);

 private:
  std::vector<Layer> layers_;
  std::vector<int64_t> lengths_;
  int64_t max_tokens_;
};

}  // namespace keel
