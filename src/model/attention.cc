#include "model/attention.h"

#include <ATen/record_function.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "model/attention_blocks.h"
#include "model/dispatch.h"

namespace keel {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// [T, K·d] as [K, T, d], without a copy.
at::Tensor by_head(const at::Tensor& x_TE, int64_t heads) {
  return x_TE.view({x_TE.size(0), heads, -1}).transpose(0, 1);
}

class Attention : public torch::autograd::Function<Attention> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& q, const at::Tensor& own_k,
                            const at::Tensor& v_TE, const std::vector<int64_t>& offsets, int64_t window,
                            const KeysValues& all) {
    RECORD_USER_SCOPE("keel::attention");
    const bool behind = all.k.defined();
    const at::Tensor k = behind ? all.k : own_k, v = behind ? all.v : by_head(v_TE, own_k.size(0));
    const Attended to = attend_blocks({q, k, v, offsets, window});
    ctx->save_for_backward({q, k, v, to.out_TE, to.lse_KR});
    ctx->saved_data["offsets"] = offsets;
    ctx->saved_data["window"] = window;
    return to.out_TE;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    RECORD_USER_SCOPE("keel::attention");
    const variable_list saved = ctx->get_saved_variables();
    const AttendedHeads in{.q_KRd = saved[0],
                           .k_KMd = saved[1],
                           .v_KMd = saved[2],
                           .offsets = ctx->saved_data["offsets"].toIntVector(),
                           .window = ctx->saved_data["window"].toInt()};
    const AttendedGradients to =
        attend_blocks_backward(in, {.out_TE = saved[3], .lse_KR = saved[4]}, grads[0].contiguous());
    return {to.dq_KRd, to.dk_KTd, to.dv_TE, {}, {}, {}};
  }
};

at::Tensor visible_mask(int64_t queries, int64_t keys, int64_t window, at::Device device) {
  const at::Tensor query = at::arange(keys - queries, keys, at::device(device)).unsqueeze(1);
  const at::Tensor key = at::arange(keys, at::device(device)).unsqueeze(0);
  const at::Tensor causal = key <= query;
  return window > 0 ? at::logical_and(causal, key > query - window) : causal;
}

// One sequence on any device: q [K, n·G, d], k and v [K, m, d] to [n, K·G·d].
at::Tensor attend_composed(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t group,
                           int64_t window) {
  const int64_t kv_heads = q.size(0), queries = q.size(1) / group, keys = k.size(1), head_dim = q.size(2);
  const at::Tensor query = q.view({kv_heads, queries, group, head_dim}).transpose(1, 2);
  const auto per_query_head = [&](const at::Tensor& x) {
    return x.unsqueeze(1).expand({kv_heads, group, keys, head_dim}).reshape({1, -1, keys, head_dim});
  };
  std::optional<at::Tensor> mask;
  const bool causal = queries == keys && (window == 0 || keys <= window);
  if (!causal) mask = visible_mask(queries, keys, window, q.device());
  const at::Tensor out = at::scaled_dot_product_attention(
      query.reshape({1, -1, queries, head_dim}), per_query_head(k), per_query_head(v), mask, 0.0, causal);
  return out.squeeze(0).transpose(0, 1).reshape({queries, -1});
}

// One query token for each sequence, all in one go: the work of a single one is too small to be shared out.
void attend_one_token(const at::Tensor& q, std::span<const KeysValues> sequences, int64_t group,
                      const at::Tensor& out) {
  const auto count = static_cast<int64_t>(sequences.size());
  const int64_t kv_heads = q.size(0), head_dim = q.size(2);
  int64_t longest = 0;
  for (const KeysValues& s : sequences) longest = std::max(longest, s.k.size(1));
  with_row_type(q, [&](auto kind) {
    using T = decltype(kind);
    at::parallel_for(0, count * kv_heads, 1, [&](int64_t begin, int64_t end) {
      std::vector<float> scratch(longest + head_dim);
      for (int64_t i = begin; i < end; ++i) {
        const int64_t s = i / kv_heads, h = i % kv_heads;
        const auto& [k, v] = sequences[s];
        rows::attend_one({.query = rows_of<T>(q) + h * q.stride(0) + s * group * head_dim,
                          .keys = rows_of<T>(k) + h * k.stride(0),
                          .values = rows_of<T>(v) + h * v.stride(0),
                          .out = rows_of<T>(out) + i * group * head_dim,
                          .scratch = scratch.data(),
                          .count = k.size(1),
                          .group = group,
                          .head_dim = head_dim,
                          .scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(head_dim)))});
      }
    });
  });
}

// What a window of keys leaves of a sequence for its last `queries` tokens.
KeysValues visible(const KeysValues& all, int64_t queries, int64_t window) {
  const int64_t first = window > 0 ? std::max<int64_t>(0, all.k.size(1) - queries + 1 - window) : 0;
  return first == 0 ? all : KeysValues{all.k.slice(1, first), all.v.slice(1, first)};
}

}  // namespace

at::Tensor attention_composed(const AttentionInput& input, const Segments& segments) {
  const int64_t group = input.q_KRd.size(1) / input.k_KTd.size(1);
  const at::Tensor v = by_head(input.v_TE, input.k_KTd.size(0));
  if (input.all.k.defined()) {
    const int64_t past = input.all.k.size(1) - input.k_KTd.size(1);
    return attend_composed(input.q_KRd, at::cat({input.all.k.slice(1, 0, past), input.k_KTd}, 1),
                           at::cat({input.all.v.slice(1, 0, past), v}, 1), group, input.window);
  }
  std::vector<at::Tensor> parts;
  for (int64_t s = 0; s < segments.count(); ++s) {
    const int64_t begin = segments.offsets[s], end = segments.offsets[s + 1];
    parts.push_back(attend_composed(input.q_KRd.slice(1, begin * group, end * group),
                                    input.k_KTd.slice(1, begin, end), v.slice(1, begin, end), group,
                                    input.window));
  }
  return at::cat(parts);
}

at::Tensor attention(const AttentionInput& input, const Segments& segments) {
  KEEL_CHECK(!input.all.k.defined() || segments.count() == 1, "one segment goes on behind others");
  if (!input.q_KRd.is_cpu()) return attention_composed(input, segments);
  return Attention::apply(input.q_KRd, input.k_KTd, input.v_TE.contiguous(), segments.offsets, input.window,
                          input.all);
}

at::Tensor attention_shared(const AttentionInput& input, const Segments& segments) {
  const at::Tensor v_KTd = by_head(input.v_TE, input.k_KTd.size(0)).contiguous();
  std::vector<KeysValues> all;
  for (int64_t s = 0; s < segments.count(); ++s) {
    const int64_t begin = segments.offsets[s], end = segments.offsets[s + 1];
    all.push_back({input.k_KTd.slice(1, begin, end), v_KTd.slice(1, begin, end)});
    const auto& [from, shared] = segments.beginnings[s];
    if (shared == 0) continue;
    all[s].k = at::cat({all[from].k.slice(1, 0, shared), all[s].k}, 1);
    all[s].v = at::cat({all[from].v.slice(1, 0, shared), all[s].v}, 1);
  }
  return attention_cached(input.q_KRd, segments, all, input.window);
}

at::Tensor attention_cached(const at::Tensor& q_KRd, const Segments& segments,
                            std::span<const KeysValues> sequences, int64_t window) {
  const int64_t group = q_KRd.size(1) / segments.tokens();
  if (q_KRd.is_cpu() && segments.tokens() == segments.count()) {
    std::vector<KeysValues> seen;
    for (const KeysValues& all : sequences) seen.push_back(visible(all, 1, window));
    const at::Tensor out =
        at::empty({segments.count(), q_KRd.size(0) * group * q_KRd.size(2)}, q_KRd.options());
    attend_one_token(q_KRd, seen, group, out);
    return out;
  }
  std::vector<at::Tensor> parts;
  for (int64_t s = 0; s < segments.count(); ++s) {
    const at::Tensor q = q_KRd.slice(1, segments.offsets[s] * group, segments.offsets[s + 1] * group);
    parts.push_back(attend_cached(q, sequences[s].k, sequences[s].v, group, window));
  }
  return at::cat(parts);
}

at::Tensor attend_cached(const at::Tensor& q, const at::Tensor& k_all, const at::Tensor& v_all, int64_t group,
                         int64_t window) {
  const int64_t queries = q.size(1) / group;
  const KeysValues seen = visible({k_all, v_all}, queries, window);
  const auto& [k, v] = seen;
  if (!q.is_cpu()) return attend_composed(q, k, v, group, window);
  if (queries > 1) return attend_blocks({q, k, v, {0, queries}, window}).out_TE;
  const at::Tensor out = at::empty({1, q.size(0) * group * q.size(2)}, q.options());
  attend_one_token(q, std::span(&seen, 1), group, out);
  return out;
}

}  // namespace keel
