#include "model/block.h"

#include <array>

#include "model/attention.h"
#include "model/joined_linear.h"
#include "model/norm.h"

namespace keel {

Block::Heads Block::project(const at::Tensor& x, const Pass& pass) const {
  const std::array<const Linear*, 3> linears = {&q, &k, &v};
  const std::vector<at::Tensor> qkv = normed_linears(x, input_norm_D, eps, linears, pass.mode);
  const auto turned = [&](at::Tensor y, const at::Tensor& norm_d) {
    if (norm_d.defined()) y = rms_norm(y.view({-1, head_dim}), norm_d, eps).view(y.sizes());
    return rope_to_heads(y, pass.angles, pass.segments, kv_heads, head_dim);
  };
  return {.q_KRd = turned(qkv[0], q_norm_d), .k_KTd = turned(qkv[1], k_norm_d), .v_TE = qkv[2]};
}

KeysValues Block::Heads::constant() const {
  const at::Tensor v_TKd = v_TE.detach().view({v_TE.size(0), k_KTd.size(0), -1});
  return {k_KTd.detach(), v_TKd.transpose(0, 1)};
}

at::Tensor Block::finish(const at::Tensor& x, const at::Tensor& seen, const ForwardMode& mode) const {
  const at::Tensor y = add_linear(x, seen, o, mode);
  const std::array<const Linear*, 2> linears = {&gate, &up};
  const std::vector<at::Tensor> gated = normed_linears(y, post_norm_D, eps, linears, mode);
  return add_gated_linear(y, gated[0], gated[1], down, mode);
}

at::Tensor Block::forward(const at::Tensor& x, const Pass& pass, SequenceCache* cache, int64_t layer) const {
  const Heads heads = project(x, pass);
  AttentionInput input{heads.q_KRd, heads.k_KTd, heads.v_TE, window};
  if (cache) input.all = cache->append(layer, 0, heads.constant(), {});
  const bool shared = !pass.segments.beginnings.empty();
  const at::Tensor seen = shared ? attention_shared(input, pass.segments) : attention(input, pass.segments);
  return finish(x, seen, pass.mode);
}

at::Tensor Block::decode(const at::Tensor& x, const Pass& pass, SequenceCache& cache, int64_t layer) const {
  const Heads heads = project(x, pass);
  const auto [k_KTd, v_KTd] = heads.constant();
  std::vector<KeysValues> all;
  for (int64_t s = 0; s < pass.segments.count(); ++s) {
    const int64_t begin = pass.segments.offsets[s], end = pass.segments.offsets[s + 1];
    const Beginning beginning = pass.segments.beginnings.empty() ? Beginning{} : pass.segments.beginnings[s];
    all.push_back(
        cache.append(layer, s, {k_KTd.slice(1, begin, end), v_KTd.slice(1, begin, end)}, beginning));
  }
  const at::Tensor seen = attention_cached(heads.q_KRd, pass.segments, all, window);
  return finish(x, seen, pass.mode);
}

}  // namespace keel
