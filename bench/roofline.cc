// How long the matrix products of a training step take alone: each once (forward, the gradient of its input,
// the gradient of its weight), into buffers that are kept, at the fastest of libtorch's layouts, best of
// several. In attention only pairs of a query and a key that it sees; of the head the rows that carry loss;
// no recomputation.
//
//   keel_roofline CONFIG_JSON PROFILE_JSON [LORA_RANK] [fp32|bf16]
//   keel_roofline bandwidth                                            bytes a second that all threads read
//
// CONFIG_JSON is the model's, PROFILE_JSON what `keel train --profile` wrote: it tells tokens, supervised
// tokens and pairs a step. Prints one JSON object. Frozen weights (LORA_RANK above 0, every linear layer
// adapted) have no gradient of their own.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <tuple>

#include "base/clock.h"
#include "base/json.h"
#include "model/config.h"

namespace keel {
namespace {

double best_of(int times, const std::function<void()>& work) {
  work();  // pages, and what the library prepares for a shape
  double best = 1e30;
  for (int i = 0; i < times; ++i) {
    const Stopwatch clock;
    work();
    best = std::min(best, clock.seconds());
  }
  return best;
}

// Products [m, k]·[k, n] by the clock, each shape once.
class Products {
 public:
  explicit Products(at::ScalarType type) : options_(at::TensorOptions(type)) {}

  // Seconds of the fastest layout: either operand may lie as its transpose, and so may the result.
  double seconds(int64_t m, int64_t k, int64_t n) {
    const auto [it, fresh] = known_.try_emplace({m, k, n}, 0);
    if (!fresh) return it->second;
    const at::Tensor a = at::randn({m, k}, options_), a_t = a.t().contiguous();
    const at::Tensor b = at::randn({k, n}, options_), b_t = b.t().contiguous();
    at::Tensor y = at::empty({m, n}, options_), y_t = at::empty({n, m}, options_);
    double best = 1e30;
    for (const at::Tensor& left : {a, a_t.t()}) {
      for (const at::Tensor& right : {b, b_t.t()}) {
        best = std::min(best, best_of(3, [&] { at::mm_out(y, left, right); }));
        best = std::min(best, best_of(3, [&] { at::mm_out(y_t, right.t(), left.t()); }));
      }
    }
    return it->second = best;
  }

  // Of a batch of `heads` products [rows, d]·[d, keys], the best over some sizes of blocks.
  double attention_flop_per_s(int64_t heads, int64_t group, int64_t d) {
    double best = 0;
    for (const int64_t block : {64, 128, 256, 512}) {
      const at::Tensor q = at::randn({heads, block * group, d}, options_),
                       k = at::randn({heads, d, block}, options_);
      at::Tensor s = at::empty({heads, block * group, block}, options_);
      const double flop = 2.0 * static_cast<double>(heads * group * block * block * d);
      best = std::max(best, flop / best_of(5, [&] { at::bmm_out(s, q, k); }));
    }
    return best;
  }

 private:
  at::TensorOptions options_;
  std::map<std::tuple<int64_t, int64_t, int64_t>, double> known_;
};

struct Sum {
  double seconds = 0, flop = 0;
};

void add(Sum& sum, Products& products, int64_t m, int64_t k, int64_t n, double times) {
  sum.seconds += times * products.seconds(m, k, n);
  sum.flop += times * 2.0 * static_cast<double>(m * k) * static_cast<double>(n);
}

// y = x·Wᵀ for T tokens. rank 0: the weight is trained; else it is frozen and has an adapter.
void add_linear(Sum& sum, Products& p, int64_t T, int64_t in, int64_t out, int64_t rank, double times) {
  add(sum, p, T, in, out, times);
  add(sum, p, T, out, in, times);
  if (rank == 0) {
    add(sum, p, out, T, in, times);
    return;
  }
  for (const auto& [a, b] : {std::pair{in, rank}, std::pair{rank, out}}) {
    add(sum, p, T, a, b, times);
    add(sum, p, T, b, a, times);
    add(sum, p, b, T, a, times);
  }
}

Sum linears(const ModelConfig& c, Products& p, int64_t T, int64_t rank) {
  Sum sum;
  const auto layers = static_cast<double>(c.layers);
  const int64_t D = c.hidden_size, F = c.intermediate_size, Q = c.heads * c.head_dim,
                K = c.kv_heads * c.head_dim;
  for (const auto& [in, out, count] : {std::tuple{D, Q, 1}, {D, K, 2}, {Q, D, 1}, {D, F, 2}, {F, D, 1}})
    add_linear(sum, p, T, in, out, rank, layers * count);
  return sum;
}

// Rows go through the head in pieces, whose size changes little; no more logits are held than these.
Sum head(const ModelConfig& c, Products& p, int64_t supervised, bool trained) {
  constexpr int64_t kRows = 512;
  const int64_t rows = std::min(kRows, supervised);
  const double times = static_cast<double>(supervised) / static_cast<double>(rows);
  Sum sum;
  add(sum, p, rows, c.hidden_size, c.vocab_size, times);
  add(sum, p, rows, c.vocab_size, c.hidden_size, times);
  if (trained) add(sum, p, c.vocab_size, rows, c.hidden_size, times);
  return sum;
}

// Two products forward; backward the gradients of values, weights, queries and keys.
Sum attention(const ModelConfig& c, Products& p, double pairs) {
  const double flop = 6 * 2 * pairs * static_cast<double>(c.layers * c.heads * c.head_dim);
  return {flop / p.attention_flop_per_s(c.kv_heads, c.group(), c.head_dim), flop};
}

double peak_flop_per_s(at::ScalarType type) {
  constexpr int64_t n = 2048;
  const at::Tensor a = at::randn({n, n}, type), b = at::randn({n, n}, type);
  at::Tensor y = at::empty({n, n}, type);
  return 2.0 * n * n * n / best_of(5, [&] { at::mm_out(y, a, b); });
}

Json measure(const ModelConfig& c, const Json& profile, int64_t rank, at::ScalarType type) {
  const at::NoGradGuard no_grad;
  const auto steps = profile["steps"].get<double>();
  const auto a_step = [&](const char* key) { return profile[key].get<double>() / steps; };
  const auto T = static_cast<int64_t>(a_step("tokens")),
             N = static_cast<int64_t>(a_step("supervised_tokens"));
  Products products(type);
  const std::map<std::string, Sum> parts{{"linear", linears(c, products, T, rank)},
                                         {"head", head(c, products, std::max<int64_t>(1, N), rank == 0)},
                                         {"attention", attention(c, products, a_step("attention_pairs"))}};
  Json out{{"step_seconds", profile["seconds"].get<double>() / steps},
           {"peak_flop_per_s", peak_flop_per_s(type)}};
  Sum all;
  for (const auto& [name, part] : parts) {
    out["product_seconds"][name] = part.seconds;
    all.seconds += part.seconds;
    all.flop += part.flop;
  }
  out["flop_per_s"] = all.flop / out["step_seconds"].get<double>();
  out["roofline_share"] = all.seconds / out["step_seconds"].get<double>();
  return out;
}

double bytes_read_per_s() {
  const at::Tensor numbers = at::ones({1 << 28});  // 1 GiB: more than any cache holds
  return static_cast<double>(numbers.nbytes()) / best_of(5, [&] { at::sum(numbers); });
}

}  // namespace
}  // namespace keel

int main(int argc, char** argv) {
  using namespace keel;
  if (argc == 2 && std::string(argv[1]) == "bandwidth") {
    fmt::print("{}\n", Json{{"bytes_per_s", bytes_read_per_s()}}.dump());
    return 0;
  }
  if (argc < 3) {
    fmt::print(stderr,
               "usage: keel_roofline CONFIG_JSON PROFILE_JSON [LORA_RANK] [fp32|bf16], or keel_roofline "
               "bandwidth\n");
    return 2;
  }
  const ModelConfig config = parse_model_config(read_json(argv[1]), argv[1]);
  const bool narrow = argc > 4 && std::string(argv[4]) == "bf16";
  const Json found = measure(config, read_json(argv[2]), argc > 3 ? std::stoll(argv[3]) : 0,
                             narrow ? at::kBFloat16 : at::kFloat);
  fmt::print("{}\n", found.dump());
  return 0;
}
