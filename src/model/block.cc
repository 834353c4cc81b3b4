#include "model/block.h"

#include "model/activation.h"
#include "model/attention.h"
#include "model/norm.h"

namespace keel {

Block::Heads Block::project(const at::Tensor& h, const Pass& pass) const {
  const auto turned = [&](const Linear& linear, const at::Tensor& norm_d) {
    at::Tensor y = linear(h, pass.mode);
    if (norm_d.defined()) y = rms_norm(y.view({-1, head_dim}), norm_d, eps).view(y.sizes());
    return rope_to_heads(y, pass.angles, pass.segments, kv_heads, head_dim);
  };
  return {.q_KRd = turned(q, q_norm_d), .k_KTd = turned(k, k_norm_d), .v_TE = v(h, pass.mode)};
}

KeysValues Block::Heads::constant() const {
  const at::Tensor v_TKd = v_TE.detach().view({v_TE.size(0), k_KTd.size(0), -1});
  return {k_KTd.detach(), v_TKd.transpose(0, 1)};
}

at::Tensor Block::mlp(const at::Tensor& h, const ForwardMode& mode) const {
  return down(swiglu(gate(h, mode), up(h, mode)), mode);
}

at::Tensor Block::forward(const at::Tensor& x, const Pass& pass, SequenceCache* cache, int64_t layer) const {
  const Heads heads = project(rms_norm(x, input_norm_D, eps), pass);
  AttentionInput input{heads.q_KRd, heads.k_KTd, heads.v_TE, window};
  if (cache) input.all = cache->append(layer, 0, heads.constant(), {});
  const bool shared = !pass.segments.beginnings.empty();
  const at::Tensor seen = shared ? attention_shared(input, pass.segments) : attention(input, pass.segments);
  const at::Tensor y = x + o(seen, pass.mode);
  return y + mlp(rms_norm(y, post_norm_D, eps), pass.mode);
}

at::Tensor Block::decode(const at::Tensor& x, const Pass& pass, SequenceCache& cache, int64_t layer) const {
  const Heads heads = project(rms_norm(x, input_norm_D, eps), pass);
  const auto [k_KTd, v_KTd] = heads.constant();
  std::vector<KeysValues> all;
  for (int64_t s = 0; s < pass.segments.count(); ++s) {
    const int64_t begin = pass.segments.offsets[s], end = pass.segments.offsets[s + 1];
    const Beginning beginning = pass.segments.beginnings.empty() ? Beginning{} : pass.segments.beginnings[s];
    all.push_back(
        cache.append(layer, s, {k_KTd.slice(1, begin, end), v_KTd.slice(1, begin, end)}, beginning));
  }
  const at::Tensor seen = attention_cached(heads.q_KRd, pass.segments, all, window);
  const at::Tensor y = x + o(seen, pass.mode);
  return y + mlp(rms_norm(y, post_norm_D, eps), pass.mode);
}

}  // namespace keel
