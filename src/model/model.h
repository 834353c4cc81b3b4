// A decoder-only language model over packed tokens. It knows nothing of losses, optimisers or files' layout
// on disk.
//
// Shapes: T tokens of all segments one after another, D hidden size, V vocabulary, B sequences being decoded.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "model/options.h"
#include "model/segments.h"

namespace keel {

// One row of tokens; segment s is [offsets[s], offsets[s+1]). Positions restart at each segment and no token
// sees another segment, but the beginning of its own. ids_T: int64 on any device; the model takes them to its
// own. beginnings: one a segment, or none; only without gradient. below_TD: what CausalLM::below made of
// these tokens; undefined: it is computed.
struct PackedTokens {
  at::Tensor ids_T;
  std::vector<int64_t> offsets;
  std::vector<Beginning> beginnings = {};
  at::Tensor below_TD = {};
};

struct Parameter {
  std::string name;    // Hugging Face name; adapters carry PEFT's
  at::Tensor tensor;   // leaf; requires_grad iff trained. In fp32 when trained in fp32 compute, else the
                       // compute dtype
  bool decay = false;  // weight decay applies (no norm, no bias)
};

// Keys and values of sequences being decoded, numbered from 0; each model has its own kind. A sequence grows
// as tokens come.
class KvCache {
 public:
  virtual ~KvCache() = default;
  virtual void keep(int64_t sequence, int64_t tokens) = 0;  // it holds only its first ones
  virtual void swap(int64_t a, int64_t b) = 0;
};

inline constexpr int64_t kAllBlocks = std::numeric_limits<int64_t>::max();

struct ForwardMode {
  bool training = false;          // LoRA dropout on
  int64_t recomputed_blocks = 0;  // the first so many blocks are computed again in the backward pass
  uint64_t dropout_key = 0;       // stream of this forward pass (see base/rng.h)
  // One segment of tokens goes on behind those that sequence 0 of a cache of this model holds, which are
  // constants; null: from the start. What the cache holds stays as it is: keep(0, more) behind the backward
  // pass, for which it must live, makes it hold some or all of these tokens as well.
  KvCache* behind = nullptr;
};

// The content of a PEFT adapter folder: adapter_config.json and adapter_model.safetensors.
struct AdapterWeights {
  Json config;
  std::map<std::string, at::Tensor> tensors;
};

class CausalLM {
 public:
  virtual ~CausalLM() = default;

  // Final-norm output hidden_TD, in the compute dtype, differentiable when grad mode is on.
  virtual at::Tensor forward(const PackedTokens& tokens, const ForwardMode& mode) = 0;

  // The first part of forward: what the layers below the first trained one give, without gradient, which
  // holds for as long as the run does. A token's row depends on the tokens in front of it alone. Undefined
  // where the embedding or the first layer is trained.
  virtual at::Tensor below(const PackedTokens& tokens) {
    (void)tokens;
    return {};
  }

  // LM head weight [V, D] (the embedding when tied). Logits = hidden · headᵀ.
  virtual at::Tensor head_VD() const = 0;

  // All own weights and, when attached, adapter weights, in a fixed order.
  virtual std::vector<Parameter>& parameters() = 0;

  // Decoding: feeds the new tokens of the first B sequences of the cache (ragged, packed as in PackedTokens;
  // offsets has B+1 entries; only an empty sequence has a beginning) and returns the hidden state of each
  // one's last token, hidden_BD. No gradient.
  virtual std::unique_ptr<KvCache> make_cache(int64_t sequences) const = 0;
  virtual at::Tensor decode(const PackedTokens& fresh, KvCache& cache) = 0;

  // hidden_BD · headᵀ in fp32, [B, V]. No gradient.
  virtual at::Tensor logits(const at::Tensor& hidden_BD) const = 0;

  // What PEFT opens; nothing when the model has no adapter. `trained`: values (fp32 masters) that take the
  // place of the model's own, by parameter name.
  virtual std::optional<AdapterWeights> adapter_weights(
      const std::map<std::string, at::Tensor>& trained) const {
    (void)trained;
    return std::nullopt;
  }

  virtual int64_t vocab_size() const = 0;
  virtual int64_t max_positions() const = 0;
  virtual at::ScalarType compute_dtype() const = 0;
  virtual at::Device device() const = 0;  // of weights and hidden states
};

}  // namespace keel
