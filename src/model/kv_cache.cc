#include "model/kv_cache.h"

#include <algorithm>

#include "base/error.h"

namespace keel {
namespace {

constexpr int64_t kShortAnswer = 64;

}  // namespace

SequenceCache::SequenceCache(const ModelConfig& config, int64_t sequences, const at::TensorOptions& options)
    : sequences_(sequences), kv_heads_(config.kv_heads), head_dim_(config.head_dim), options_(options) {
  for (Sequence& s : sequences_) s.layers.resize(config.layers);
}

void SequenceCache::keep(int64_t sequence, int64_t tokens) {
  KEEL_CHECK(tokens <= sequences_[sequence].written, "a sequence keeps tokens that it holds");
  sequences_[sequence].length = sequences_[sequence].written = tokens;
}

// With room for a short answer, then by half at least, so that a long one is copied a few times only.
void SequenceCache::make_room(Sequence& sequence, int64_t tokens) const {
  if (tokens <= sequence.room) return;
  sequence.room = std::max(tokens + kShortAnswer, sequence.room + sequence.room / 2);
  for (KeysValues& held : sequence.layers) {
    for (at::Tensor* old : {&held.k, &held.v}) {
      const at::Tensor more = at::empty({kv_heads_, sequence.room, head_dim_}, options_);
      if (sequence.length > 0) more.slice(1, 0, sequence.length).copy_(old->slice(1, 0, sequence.length));
      *old = more;
    }
  }
}

void SequenceCache::open(const PackedTokens& fresh) {
  const int64_t count = static_cast<int64_t>(fresh.offsets.size()) - 1;
  KEEL_CHECK(count <= sequences(), "a sequence of the cache for each segment");
  for (int64_t s = 0; s < count; ++s) {
    Sequence& sequence = sequences_[s];
    const int64_t shared = fresh.beginnings.empty() ? 0 : fresh.beginnings[s].tokens;
    KEEL_CHECK(shared == 0 || sequence.length == 0, "only an empty sequence begins as another");
    make_room(sequence, sequence.length + shared + fresh.offsets[s + 1] - fresh.offsets[s]);
    sequence.length += shared;
    sequence.written = sequence.length + fresh.offsets[s + 1] - fresh.offsets[s];
  }
}

KeysValues SequenceCache::append(int64_t layer, int64_t sequence, const KeysValues& fresh,
                                 const Beginning& beginning) {
  const KeysValues& own = sequences_[sequence].layers[layer];
  const int64_t past = length(sequence), now = past + fresh.k.size(1), shared = beginning.tokens;
  if (shared > 0) {
    const KeysValues& from = sequences_[beginning.from].layers[layer];
    own.k.slice(1, 0, shared).copy_(from.k.slice(1, 0, shared));
    own.v.slice(1, 0, shared).copy_(from.v.slice(1, 0, shared));
  }
  own.k.slice(1, past, now).copy_(fresh.k);
  own.v.slice(1, past, now).copy_(fresh.v);
  return {own.k.slice(1, 0, now), own.v.slice(1, 0, now)};
}

void SequenceCache::close(const PackedTokens& fresh) {
  for (size_t s = 0; s + 1 < fresh.offsets.size(); ++s)
    sequences_[s].length += fresh.offsets[s + 1] - fresh.offsets[s];
}

}  // namespace keel
