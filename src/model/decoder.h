// The decoder of all families: embedding, blocks, final norm, head.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/block.h"
#include "model/config.h"
#include "model/lora.h"
#include "model/model.h"

namespace keel {

// An embedding or head [V, D], of which single rows may be trained while the rest is frozen.
struct TokenTable {
  at::Tensor weight_VD;
  at::Tensor stored_VD;  // as in Weight (model/product.h)
  at::Tensor rows_ND;    // trained rows; undefined: none
  at::Tensor row_ids_N;  // their token ids
  at::Tensor row_of_V;   // token id to its trained row, or -1

  at::Tensor lookup(const at::Tensor& ids_T) const;
  at::Tensor whole() const;
};

struct DecoderParts {
  ModelConfig config;
  TokenTable embedding;
  TokenTable head;  // weight undefined: tied to the embedding
  std::vector<Block> blocks;
  at::Tensor final_norm_D;
  std::vector<Parameter> parameters;
  std::optional<LoraConfig> adapter;  // set when the model has adapters
  std::string base_name;              // base_model_name_or_path of an exported adapter
};

class Decoder final : public CausalLM {
 public:
  explicit Decoder(DecoderParts parts);

  at::Tensor forward(const PackedTokens& tokens, const ForwardMode& mode) override;
  at::Tensor below(const PackedTokens& tokens) override;
  at::Tensor head_VD() const override;
  std::vector<Parameter>& parameters() override { return parts_.parameters; }
  std::unique_ptr<KvCache> make_cache(int64_t sequences) const override;
  at::Tensor decode(const PackedTokens& fresh, KvCache& cache) override;
  at::Tensor logits(const at::Tensor& hidden_BD) const override;
  std::optional<AdapterWeights> adapter_weights(
      const std::map<std::string, at::Tensor>& trained) const override;
  int64_t vocab_size() const override { return parts_.embedding.weight_VD.size(0); }
  int64_t max_positions() const override { return parts_.config.max_positions; }
  at::ScalarType compute_dtype() const override { return parts_.embedding.weight_VD.scalar_type(); }
  at::Device device() const override { return parts_.embedding.weight_VD.device(); }

 private:
  size_t frozen_blocks();  // below the first trained one; 0 when the embedding is trained
  // Through blocks [first, last).
  at::Tensor through(at::Tensor x_TD, const std::shared_ptr<const Pass>& pass, SequenceCache* cache,
                     size_t first, size_t last);
  Segments segments_behind(const SequenceCache& cache, const PackedTokens& fresh) const;

  DecoderParts parts_;
  RopeTable rope_;
};

}  // namespace keel
