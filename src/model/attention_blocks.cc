#include "model/attention_blocks.h"

#include <ATen/core/LegacyTypeDispatch.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>

#include "gemm/gemm.h"
#include "gemm/tiles.h"
#include "model/dispatch.h"

namespace keel {
namespace {

// Queries of a block. The scores of one block should stay in the cache, and a block skips the keys after its
// end; but the products must not get too small for the GEMM library. In fp32 (AVX2) 64 was 5-40 % faster than
// 128 to 512 for segments of 128 to 1024 tokens; the bf16 units want larger pieces.
int64_t query_block(at::ScalarType type) { return type == at::kFloat || tiles_available() ? 64 : 256; }

// Pieces of work, all heads together, that long rows are cut into. A head's pieces each add to gradients of
// keys and values of their own.
constexpr int64_t kPieces = 12;

// Queries [begin, end) of a sequence over keys [key_begin, end), counted with the tokens in front.
struct QueryBlock {
  int64_t begin, end, key_begin;

  int64_t queries() const { return end - begin; }
  int64_t keys() const { return end - key_begin; }
};

std::vector<QueryBlock> blocks_of(const AttendedHeads& in) {
  std::vector<QueryBlock> blocks;
  const int64_t past = in.past(), size = query_block(in.q_KRd.scalar_type());
  for (size_t s = 0; s + 1 < in.offsets.size(); ++s) {
    const int64_t start = in.offsets[s], end = in.offsets[s + 1] + past;
    for (int64_t at = start + past; at < end; at += size) {
      const int64_t low = in.window > 0 ? std::max(start, at + 1 - in.window) : start;
      blocks.push_back({at, std::min(at + size, end), low});
    }
  }
  return blocks;
}

// The blocks in up to `count` shares of about the same work.
std::vector<std::vector<QueryBlock>> dealt(std::vector<QueryBlock> blocks, int64_t count) {
  const auto work = [](const QueryBlock& b) { return b.queries() * b.keys(); };
  std::ranges::stable_sort(blocks, std::greater(), work);
  std::vector<std::vector<QueryBlock>> shares(
      std::max<int64_t>(1, std::min<int64_t>(count, std::ssize(blocks))));
  std::vector<int64_t> load(shares.size());
  for (const QueryBlock& block : blocks) {
    const auto least = std::ranges::min_element(load) - load.begin();
    shares[least].push_back(block);
    load[least] += work(block);
  }
  return shares;
}

// A matrix of up to `numbers` that is used again and again.
class Scratch {
 public:
  Scratch(int64_t numbers, const at::TensorOptions& options) : all_(at::empty({numbers}, options)) {}
  at::Tensor matrix(int64_t rows, int64_t columns) const {
    return all_.as_strided({rows, columns}, {columns, 1});
  }

 private:
  at::Tensor all_;
};

// One key head: its tensors, and the rows of a block in them.
class Head {
 public:
  Head(const AttendedHeads& in, int64_t head)
      : q_(in.q_KRd.select(0, head)),
        k_(in.k_KMd.select(0, head)),
        v_(in.v_KMd.select(0, head)),
        past_(in.past()),
        group_(in.group()),
        window_(in.window) {}

  at::Tensor queries(const QueryBlock& b) const { return rows(q_, b); }
  at::Tensor keys(const QueryBlock& b) const { return k_.slice(0, b.key_begin, b.end); }
  at::Tensor values(const QueryBlock& b) const { return v_.slice(0, b.key_begin, b.end); }

  // The rows of the block's queries in a tensor [T·G, …], its tokens in one [T, …].
  at::Tensor rows(const at::Tensor& x, const QueryBlock& b) const {
    return x.slice(0, first_row(b), (b.end - past_) * group_);
  }
  at::Tensor tokens(const at::Tensor& x, const QueryBlock& b) const {
    return x.slice(0, b.begin - past_, b.end - past_);
  }
  int64_t first_row(const QueryBlock& b) const { return (b.begin - past_) * group_; }
  int64_t rows_of(const QueryBlock& b) const { return b.queries() * group_; }

  // Of the block's keys those that are no constants: how many are, and the others' rows in a tensor [T, …].
  int64_t constant(const QueryBlock& b) const { return std::max<int64_t>(0, past_ - b.key_begin); }
  at::Tensor own_keys(const at::Tensor& x, const QueryBlock& b) const {
    return x.slice(0, std::max(b.key_begin, past_) - past_, b.end - past_);
  }

  rows::ScoreBlock shape(const QueryBlock& b) const {
    return {.rows = rows_of(b),
            .width = b.keys(),
            .group = group_,
            .first_visible = b.begin + 1 - b.key_begin,
            .window = window_,
            .scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(q_.size(1))))};
  }
  // For the largest of the blocks.
  Scratch scores(std::span<const QueryBlock> blocks) const {
    int64_t most = 0;
    for (const QueryBlock& b : blocks) most = std::max(most, rows_of(b) * b.keys());
    return {most, q_.options()};
  }

 private:
  at::Tensor q_, k_, v_;
  int64_t past_, group_, window_;
};

// Calls work(head, share, its blocks) for every head and share, each on one thread.
template <class F>
void for_each_piece(const AttendedHeads& in, const std::vector<std::vector<QueryBlock>>& shares,
                    const F& work) {
  const auto count = std::ssize(shares);
  at::parallel_for(0, in.k_KMd.size(0) * count, 1, [&](int64_t begin, int64_t end) {
    const at::AutoDispatchBelowADInplaceOrView no_graph;
    for (int64_t i = begin; i < end; ++i) work(i / count, i % count, std::span(shares[i % count]));
  });
}

std::vector<std::vector<QueryBlock>> shares_of(const AttendedHeads& in) {
  return dealt(blocks_of(in), kPieces / in.k_KMd.size(0));
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

}  // namespace

Attended attend_blocks(const AttendedHeads& in) {
  const int64_t heads = in.k_KMd.size(0), width = in.group() * in.q_KRd.size(2);
  const Attended to{.out_TE = at::empty({in.tokens(), heads * width}, in.q_KRd.options()),
                    .lse_KR = at::empty({heads, in.q_KRd.size(1)}, in.q_KRd.options().dtype(at::kFloat))};
  const auto attend = [&](int64_t h, int64_t /*share*/, std::span<const QueryBlock> blocks) {
    const Head head(in, h);
    const Scratch scores = head.scores(blocks);
    const at::Tensor out = to.out_TE.slice(1, h * width, (h + 1) * width);
    float* const lse = rows_of<float>(to.lse_KR) + h * to.lse_KR.size(1);
    for (const QueryBlock& block : blocks) {
      const at::Tensor s = scores.matrix(head.rows_of(block), block.keys());
      gemm_into(s, head.queries(block), head.keys(block).t());
      with_row_type(s, [&](auto kind) {
        rows::softmax(rows_of<decltype(kind)>(s), lse + head.first_row(block), head.shape(block));
      });
      head.tokens(out, block).copy_(gemm(s, head.values(block)).view({block.queries(), width}));
    }
  };
  for_each_piece(in, shares_of(in), attend);
  return to;
}

AttendedGradients attend_blocks_backward(const AttendedHeads& in, const Attended& attended,
                                         const at::Tensor& dout_TE) {
  const int64_t heads = in.k_KMd.size(0), tokens = in.tokens(), d = in.q_KRd.size(2);
  const auto [dout, delta] = gather_out_gradient(dout_TE, attended.out_TE, in.q_KRd);
  const auto shares = shares_of(in);
  // Several blocks add to the keys of a segment: in fp32, whatever the compute dtype.
  const at::Tensor dq = at::empty_like(in.q_KRd);
  const at::Tensor dk = at::zeros({std::ssize(shares), heads, tokens, d}, delta.options());
  const at::Tensor dv = at::zeros({std::ssize(shares), tokens, heads * d}, delta.options());
  const auto gradients = [&](int64_t h, int64_t share, std::span<const QueryBlock> blocks) {
    const Head head(in, h);
    const Scratch scores = head.scores(blocks), dscores = head.scores(blocks);
    const at::Tensor dout_h = dout.select(0, h), dq_h = dq.select(0, h),
                     dk_h = dk.select(0, share).select(0, h);
    const at::Tensor dv_h = dv.select(0, share).slice(1, h * d, (h + 1) * d);
    const int64_t stats = h * delta.size(1);
    for (const QueryBlock& block : blocks) {
      const at::Tensor p = scores.matrix(head.rows_of(block), block.keys());
      const at::Tensor ds = dscores.matrix(head.rows_of(block), block.keys());
      const at::Tensor q_rows = head.queries(block), dout_rows = head.rows(dout_h, block);
      gemm_into(p, q_rows, head.keys(block).t());
      gemm_into(ds, dout_rows, head.values(block).t());
      const int64_t first = stats + head.first_row(block);
      with_row_type(p, [&](auto kind) {
        using T = decltype(kind);
        rows::softmax_backward({.scores = rows_of<T>(p),
                                .dweights = rows_of<T>(ds),
                                .lse = rows_of<float>(attended.lse_KR) + first,
                                .delta = rows_of<float>(delta) + first},
                               head.shape(block));
      });
      gemm_into(head.rows(dq_h, block), ds, head.keys(block));
      const int64_t constant = head.constant(block);
      gemm_onto(head.own_keys(dk_h, block), ds.slice(1, constant).t(), q_rows);
      gemm_onto(head.own_keys(dv_h, block), p.slice(1, constant).t(), dout_rows);
    }
  };
  for_each_piece(in, shares, gradients);
  const auto joined = [&](const at::Tensor& parts, at::ScalarType type) {
    return (parts.size(0) == 1 ? parts.select(0, 0) : parts.sum(0)).to(type);
  };
  return {dq, joined(dk, in.k_KMd.scalar_type()), joined(dv, in.v_KMd.scalar_type())};
}

}  // namespace keel
