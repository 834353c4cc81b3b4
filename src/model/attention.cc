#include "model/attention.h"

#include <ATen/record_function.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "model/dispatch.h"

namespace keel {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Queries of a block. The scores of one block should stay in the cache, and a block skips the keys after its
// end; but the products must not get too small for the GEMM library. In fp32 (AVX2) 64 was 5-40 % faster than
// 128 to 512 for segments of 128 to 1024 tokens; the bf16 units want larger pieces.
int64_t query_block(at::ScalarType type) { return type == at::kFloat ? 64 : 256; }

// One block of queries [begin, end) of a sequence that begins at `start`, over keys [key_begin, end). The
// queries of its first `past` tokens are not given.
struct QueryBlock {
  int64_t begin, end, key_begin, past = 0;
};

std::vector<QueryBlock> blocks_of(int64_t start, int64_t first_query, int64_t end, int64_t window,
                                  int64_t size) {
  std::vector<QueryBlock> blocks;
  for (int64_t at = first_query; at < end; at += size) {
    const int64_t low = window > 0 ? std::max(start, at + 1 - window) : start;
    blocks.push_back({at, std::min(at + size, end), low, first_query - start});
  }
  return blocks;
}

// past: tokens in front of those of the only segment.
std::vector<QueryBlock> blocks_of(const std::vector<int64_t>& offsets, int64_t past, int64_t window,
                                  int64_t size) {
  std::vector<QueryBlock> blocks;
  for (size_t s = 0; s + 1 < offsets.size(); ++s) {
    const std::vector<QueryBlock> more =
        blocks_of(offsets[s], offsets[s] + past, offsets[s + 1] + past, window, size);
    blocks.insert(blocks.end(), more.begin(), more.end());
  }
  return blocks;
}

rows::ScoreBlock score_block(const at::Tensor& scores, const QueryBlock& block, int64_t group, int64_t window,
                             int64_t head_dim) {
  return {.rows = scores.size(1),
          .width = scores.size(2),
          .group = group,
          .first_visible = block.begin + 1 - block.key_begin,
          .window = window,
          .scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(head_dim))),
          .stat_stride = 0};
}

// Scores become weights; lse, where given, is [K, rows] of a wider [K, T·G].
void softmax_(const at::Tensor& scores, const at::Tensor& lse, rows::ScoreBlock shape) {
  if (lse.defined()) shape.stat_stride = lse.stride(0);
  with_row_type(scores, [&](auto kind) {
    using T = decltype(kind);
    at::parallel_for(0, scores.size(0) * shape.rows, 8, [&](int64_t begin, int64_t end) {
      rows::softmax(rows_of<T>(scores), lse.defined() ? rows_of<float>(lse) : nullptr, shape, begin, end);
    });
  });
}

void softmax_backward_(const at::Tensor& scores, const at::Tensor& dweights, const at::Tensor& lse,
                       const at::Tensor& delta, rows::ScoreBlock shape) {
  shape.stat_stride = lse.stride(0);
  with_row_type(scores, [&](auto kind) {
    using T = decltype(kind);
    at::parallel_for(0, scores.size(0) * shape.rows, 8, [&](int64_t begin, int64_t end) {
      rows::softmax_backward({.scores = rows_of<T>(scores),
                              .dweights = rows_of<T>(dweights),
                              .lse = rows_of<float>(lse),
                              .delta = rows_of<float>(delta)},
                             shape, begin, end);
    });
  });
}

// [T, K·d] as [K, T, d], without a copy.
at::Tensor by_head(const at::Tensor& x_TE, int64_t heads) {
  return x_TE.view({x_TE.size(0), heads, -1}).transpose(0, 1);
}

// The rows of `block`'s queries in a tensor [K, T·G, …].
at::Tensor query_rows(const at::Tensor& x, const QueryBlock& block, int64_t group) {
  return x.slice(1, (block.begin - block.past) * group, (block.end - block.past) * group);
}
at::Tensor query_tokens(const at::Tensor& x, const QueryBlock& block) {  // the same in [T, …]
  return x.slice(0, block.begin - block.past, block.end - block.past);
}
at::Tensor key_rows(const at::Tensor& x, const QueryBlock& block) {
  return x.slice(1, block.key_begin, block.end);
}
// Those of them that have queries, in a tensor [K, T, …] without the others.
at::Tensor own_key_rows(const at::Tensor& x, const QueryBlock& block) {
  return x.slice(1, std::max(block.key_begin, block.past) - block.past, block.end - block.past);
}

// [K, n·G, d] into the token-major rows [n, K·G·d].
void to_tokens(const at::Tensor& heads, int64_t group, const at::Tensor& out) {
  const int64_t kv_heads = heads.size(0), head_dim = heads.size(2);
  out.view({out.size(0), kv_heads, group, head_dim})
      .copy_(heads.view({kv_heads, -1, group, head_dim}).transpose(0, 1));
}

// dO token-major to head-major, and delta = Σ dO·O of every head.
std::pair<at::Tensor, at::Tensor> gather_out_gradient(const at::Tensor& grad, const at::Tensor& out,
                                                      const at::Tensor& q_KRd) {
  const int64_t tokens = out.size(0), kv_heads = q_KRd.size(0);
  const at::Tensor heads = at::empty_like(q_KRd);
  const at::Tensor delta = at::empty({kv_heads, q_KRd.size(1)}, q_KRd.options().dtype(at::kFloat));
  const rows::HeadLayout layout{.tokens = tokens,
                                .kv_heads = kv_heads,
                                .group = q_KRd.size(1) / tokens,
                                .head_dim = q_KRd.size(2),
                                .first = 0,
                                .last = tokens};
  with_row_type(grad, [&](auto kind) {
    using T = decltype(kind);
    at::parallel_for(0, tokens, 16, [&](int64_t begin, int64_t end) {
      rows::HeadLayout part = layout;
      part.first = begin;
      part.last = end;
      rows::gather_out_gradient({.grad = rows_of<T>(grad),
                                 .out = rows_of<T>(out),
                                 .grad_heads = rows_of<T>(heads),
                                 .delta = rows_of<float>(delta)},
                                part);
    });
  });
  return {heads, delta};
}

class Attention : public torch::autograd::Function<Attention> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& q, const at::Tensor& own_k,
                            const at::Tensor& v_TE, const std::vector<int64_t>& offsets, int64_t window,
                            const KeysValues& all) {
    RECORD_USER_SCOPE("keel::attention");
    const int64_t kv_heads = own_k.size(0), group = q.size(1) / own_k.size(1), head_dim = q.size(2);
    const at::Tensor k = all.k.defined() ? all.k : own_k;
    const at::Tensor v = all.k.defined() ? all.v : by_head(v_TE, kv_heads);
    const int64_t past = k.size(1) - own_k.size(1);
    const at::Tensor out = at::empty({own_k.size(1), kv_heads * group * head_dim}, q.options());
    const at::Tensor lse = at::empty({kv_heads, q.size(1)}, q.options().dtype(at::kFloat));
    for (const QueryBlock& block : blocks_of(offsets, past, window, query_block(q.scalar_type()))) {
      const at::Tensor s = at::bmm(query_rows(q, block, group), key_rows(k, block).transpose(1, 2));
      softmax_(s, query_rows(lse, block, group), score_block(s, block, group, window, head_dim));
      to_tokens(at::bmm(s, key_rows(v, block)), group, query_tokens(out, block));
    }
    ctx->save_for_backward({q, k, v, out, lse});
    ctx->saved_data["offsets"] = offsets;
    ctx->saved_data["window"] = window;
    ctx->saved_data["past"] = past;
    return out;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    RECORD_USER_SCOPE("keel::attention");
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor &q = saved[0], &k = saved[1], &v = saved[2], &out = saved[3], &lse = saved[4];
    const int64_t window = ctx->saved_data["window"].toInt(), past = ctx->saved_data["past"].toInt();
    const std::vector<int64_t> offsets = ctx->saved_data["offsets"].toIntVector();
    const int64_t kv_heads = k.size(0), tokens = out.size(0), head_dim = q.size(2);
    const int64_t group = q.size(1) / tokens;
    const auto [dout, delta] = gather_out_gradient(grads[0].contiguous(), out, q);
    // Several blocks add to the keys of a segment: in fp32, whatever the compute dtype.
    const at::Tensor dq = at::empty_like(q), dk = at::zeros({kv_heads, tokens, head_dim}, lse.options());
    const at::Tensor dv_TE = at::zeros({tokens, kv_heads * head_dim}, lse.options());
    const at::Tensor dv = by_head(dv_TE, kv_heads);
    for (const QueryBlock& block : blocks_of(offsets, past, window, query_block(q.scalar_type()))) {
      const at::Tensor q_rows = query_rows(q, block, group), dout_rows = query_rows(dout, block, group);
      const at::Tensor p = at::bmm(q_rows, key_rows(k, block).transpose(1, 2));
      const at::Tensor ds = at::bmm(dout_rows, key_rows(v, block).transpose(1, 2));
      softmax_backward_(p, ds, query_rows(lse, block, group), query_rows(delta, block, group),
                        score_block(p, block, group, window, head_dim));
      query_rows(dq, block, group).copy_(at::bmm(ds, key_rows(k, block)));
      const int64_t constant = std::max<int64_t>(0, past - block.key_begin);
      own_key_rows(dk, block).add_(at::bmm(ds.slice(2, constant).transpose(1, 2), q_rows));
      own_key_rows(dv, block).add_(at::bmm(p.slice(2, constant).transpose(1, 2), dout_rows));
    }
    return {dq, dk.to(k.scalar_type()), dv_TE.to(v.scalar_type()), {}, {}, {}};
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
    const QueryBlock whole{segments.offsets[s], segments.offsets[s + 1], segments.offsets[s]};
    parts.push_back(attend_composed(query_rows(input.q_KRd, whole, group), key_rows(input.k_KTd, whole),
                                    key_rows(v, whole), group, input.window));
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
    const QueryBlock own{segments.offsets[s], segments.offsets[s + 1], segments.offsets[s]};
    all.push_back({key_rows(input.k_KTd, own), key_rows(v_KTd, own)});
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
    const QueryBlock own{segments.offsets[s], segments.offsets[s + 1], 0};
    parts.push_back(
        attend_cached(query_rows(q_KRd, own, group), sequences[s].k, sequences[s].v, group, window));
  }
  return at::cat(parts);
}

at::Tensor attend_cached(const at::Tensor& q, const at::Tensor& k_all, const at::Tensor& v_all, int64_t group,
                         int64_t window) {
  const int64_t queries = q.size(1) / group;
  const KeysValues seen = visible({k_all, v_all}, queries, window);
  const auto& [k, v] = seen;
  if (!q.is_cpu()) return attend_composed(q, k, v, group, window);
  const at::Tensor out = at::empty({queries, q.size(0) * group * q.size(2)}, q.options());
  if (queries == 1) {
    attend_one_token(q, std::span(&seen, 1), group, out);
    return out;
  }
  const int64_t past = k.size(1) - queries;
  for (const QueryBlock& block : blocks_of(0, past, k.size(1), window, query_block(q.scalar_type()))) {
    const at::Tensor s = at::bmm(query_rows(q, block, group), key_rows(k, block).transpose(1, 2));
    softmax_(s, {}, score_block(s, block, group, window, q.size(2)));
    to_tokens(at::bmm(s, key_rows(v, block)), group, query_tokens(out, block));
  }
  return out;
}

}  // namespace keel
