#include "model/decoder.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "base/error.h"
#include "gemm/leaf_gradient.h"
#include "model/norm.h"
#include "model/product.h"
#include "model/recompute.h"

namespace keel {
namespace {

struct Lookup : torch::autograd::Function<Lookup> {
  static at::Tensor forward(torch::autograd::AutogradContext* ctx, const at::Tensor& weight_VD,
                            const at::Tensor& ids_T) {
    ctx->save_for_backward({weight_VD, ids_T});
    return at::embedding(weight_VD, ids_T);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 const torch::autograd::variable_list& grads) {
    const torch::autograd::variable_list saved = ctx->get_saved_variables();
    return {rows_gradient(saved[0], saved[1], grads[0]), at::Tensor()};
  }
};

}  // namespace

at::Tensor TokenTable::lookup(const at::Tensor& ids_T) const {
  const bool own = weight_VD.is_cpu() && weight_VD.requires_grad() && at::GradMode::is_enabled();
  const at::Tensor x = own ? Lookup::apply(weight_VD, ids_T) : at::embedding(weight_VD, ids_T);
  if (!rows_ND.defined()) return x;
  const at::Tensor row_T = row_of_V.index_select(0, ids_T);
  const at::Tensor places = at::nonzero(row_T >= 0).squeeze(1);
  if (places.numel() == 0) return x;
  return x.index_copy(0, places, rows_ND.index_select(0, row_T.index_select(0, places)));
}

at::Tensor TokenTable::whole() const {
  return rows_ND.defined() ? weight_VD.index_copy(0, row_ids_N, rows_ND) : weight_VD;
}

Decoder::Decoder(DecoderParts parts)
    : parts_(std::move(parts)),
      rope_(parts_.config.rope, parts_.config.head_dim, parts_.embedding.weight_VD.device()) {}

at::Tensor Decoder::head_VD() const {
  return parts_.head.weight_VD.defined() ? parts_.head.whole() : parts_.embedding.whole();
}

namespace {

bool any_trained(Block& block) {
  const auto needs = [](const at::Tensor& t) { return t.defined() && t.requires_grad(); };
  for (const Linear* l : block.linears()) {
    if (needs(l->weight_OI) || needs(l->bias_O)) return true;
    if (l->adapter && (needs(l->adapter->a_rI) || needs(l->adapter->b_Or))) return true;
  }
  return needs(block.input_norm_D) || needs(block.post_norm_D) || needs(block.q_norm_d) ||
         needs(block.k_norm_d);
}

SequenceCache& own(KvCache& cache) {
  auto* const found = dynamic_cast<SequenceCache*>(&cache);
  KEEL_CHECK(found != nullptr, "a cache that this model made");
  return *found;
}

}  // namespace

size_t Decoder::frozen_blocks() {
  const TokenTable& table = parts_.embedding;
  if (table.weight_VD.requires_grad() || table.rows_ND.defined()) return 0;
  const auto first = std::ranges::find_if(parts_.blocks, any_trained);
  return static_cast<size_t>(first - parts_.blocks.begin());
}

at::Tensor Decoder::through(at::Tensor x, const std::shared_ptr<const Pass>& pass, SequenceCache* cache,
                            size_t first, size_t last) {
  for (size_t i = first; i < last; ++i) {
    Block& block = parts_.blocks[i];
    const auto layer = static_cast<int64_t>(i);
    if (layer < pass->mode.recomputed_blocks && at::GradMode::is_enabled()) {
      x = recomputed([&block, pass, cache,
                      layer](const at::Tensor& in) { return block.forward(in, *pass, cache, layer); },
                     x, any_trained(block));
    } else {
      x = block.forward(x, *pass, cache, layer);
    }
  }
  return x;
}

at::Tensor Decoder::below(const PackedTokens& tokens) {
  const size_t count = frozen_blocks();
  if (count == 0) return {};
  const at::NoGradGuard no_grad;
  const at::Tensor ids_T = tokens.ids_T.to(device());
  const Segments segments = make_segments(tokens.offsets, ids_T.size(0), device());
  const RopeAngles angles = rope_.for_positions(segments.end_position);
  const auto pass = std::make_shared<const Pass>(Pass{segments, angles, {}});
  return through(parts_.embedding.lookup(ids_T), pass, nullptr, 0, count);
}

at::Tensor Decoder::forward(const PackedTokens& tokens, const ForwardMode& mode) {
  const at::Tensor ids_T = tokens.ids_T.to(device());
  KEEL_CHECK(tokens.beginnings.empty() || !at::GradMode::is_enabled(), "a shared beginning has no gradient");
  KEEL_CHECK(!mode.behind || !tokens.below_TD.defined(), "a cache wants keys and values of all layers");
  SequenceCache* const cache = mode.behind ? &own(*mode.behind) : nullptr;
  if (cache) cache->open(tokens);
  Segments segments = cache ? segments_behind(*cache, tokens)
                            : make_segments(tokens.offsets, ids_T.size(0), device(), tokens.beginnings);
  const RopeAngles angles = rope_.for_positions(segments.end_position);
  const auto pass = std::make_shared<const Pass>(Pass{std::move(segments), angles, mode});
  const size_t all = parts_.blocks.size();
  const at::Tensor x = tokens.below_TD.defined()
                           ? through(tokens.below_TD, pass, cache, frozen_blocks(), all)
                           : through(parts_.embedding.lookup(ids_T), pass, cache, 0, all);
  return rms_norm(x, parts_.final_norm_D, parts_.config.rms_norm_eps);
}

std::unique_ptr<KvCache> Decoder::make_cache(int64_t sequences) const {
  return std::make_unique<SequenceCache>(parts_.config, sequences,
                                         parts_.embedding.weight_VD.detach().options());
}

Segments Decoder::segments_behind(const SequenceCache& cache, const PackedTokens& fresh) const {
  std::vector<int64_t> starts;
  for (size_t s = 0; s + 1 < fresh.offsets.size(); ++s)
    starts.push_back(cache.length(static_cast<int64_t>(s)));
  return make_segments_behind(starts, fresh.offsets, fresh.ids_T.size(0), device(), fresh.beginnings);
}

at::Tensor Decoder::decode(const PackedTokens& fresh, KvCache& any_cache) {
  SequenceCache& cache = own(any_cache);
  const at::NoGradGuard no_grad;
  const at::Tensor ids_T = fresh.ids_T.to(device());
  cache.open(fresh);
  const Segments segments = segments_behind(cache, fresh);
  const Pass pass{segments, rope_.for_positions(segments.end_position), {}};
  at::Tensor x = parts_.embedding.lookup(ids_T);
  for (size_t i = 0; i < parts_.blocks.size(); ++i) {
    x = parts_.blocks[i].decode(x, pass, cache, static_cast<int64_t>(i));
  }
  cache.close(fresh);
  std::vector<int64_t> last(fresh.offsets.begin() + 1, fresh.offsets.end());
  for (int64_t& row : last) --row;
  x = x.index_select(0, at::tensor(last, at::kLong).to(x.device()));
  return rms_norm(x, parts_.final_norm_D, parts_.config.rms_norm_eps);
}

at::Tensor Decoder::logits(const at::Tensor& hidden_BD) const {
  const at::NoGradGuard no_grad;
  const TokenTable& table = parts_.head.weight_VD.defined() ? parts_.head : parts_.embedding;
  const at::Tensor stored = table.rows_ND.defined() ? at::Tensor() : table.stored_VD;
  return product(hidden_BD, {table.whole(), stored}, {}).to(at::kFloat);
}

std::optional<AdapterWeights> Decoder::adapter_weights(
    const std::map<std::string, at::Tensor>& trained) const {
  if (!parts_.adapter) return std::nullopt;
  AdapterWeights out = export_adapter(parts_.parameters, *parts_.adapter, parts_.base_name);
  for (auto& [name, tensor] : out.tensors) {
    const auto it = trained.find(name);
    if (it != trained.end()) tensor = it->second.detach().to(at::kCPU, at::kFloat).contiguous();
  }
  return out;
}

}  // namespace keel
