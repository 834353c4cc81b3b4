#include "model/kv_cache.h"

#include "base/error.h"

namespace keel {

SequenceCache::SequenceCache(const ModelConfig& config, int64_t sequences, int64_t max_tokens,
                             const at::TensorOptions& options)
    : lengths_(sequences, 0), max_tokens_(max_tokens) {
  const std::vector<int64_t> shape = {sequences, config.kv_heads, max_tokens, config.head_dim};
  for (int64_t i = 0; i < config.layers; ++i) {
    layers_.push_back({at::empty(shape, options), at::empty(shape, options)});
  }
}

void SequenceCache::remove(int64_t sequence) {
  const int64_t last = sequences() - 1, held = lengths_.back();
  if (sequence != last) {
    for (Layer& layer : layers_) {
      layer.k[sequence].slice(1, 0, held).copy_(layer.k[last].slice(1, 0, held));
      layer.v[sequence].slice(1, 0, held).copy_(layer.v[last].slice(1, 0, held));
    }
    lengths_[sequence] = held;
  }
  lengths_.pop_back();
}

void SequenceCache::add_lengths(const std::vector<int64_t>& offsets) {
  for (size_t s = 0; s < lengths_.size(); ++s) {
    lengths_[s] += offsets[s + 1] - offsets[s];
    KEEL_CHECK(lengths_[s] <= max_tokens_, "more tokens than the cache was made for");
  }
}

}  // namespace keel
