// Timings of the parts a training step is made of, and of whole steps of small models with random weights.
//   ./dev bench kernels                             everything
//   ./dev bench kernels --benchmark_filter=Step     whole steps only
// Compare ratios within one run only; these machines are shared.
#include <benchmark/benchmark.h>

#include <memory>

#include "data/batch.h"
#include "gemm/gemm.h"
#include "model/factory.h"
#include "model/product.h"
#include "optim/adamw.h"
#include "train/step.h"

namespace keel {
namespace {

struct Shape {
  int64_t hidden, inner, layers, heads, kv_heads, vocabulary;
};

constexpr Shape kTinyStories{128, 384, 2, 8, 4, 2048};
constexpr Shape kSmolLm2{576, 1536, 30, 9, 3, 49152};

Json config_of(const Shape& s) {
  return {{"architectures", {"LlamaForCausalLM"}},
          {"model_type", "llama"},
          {"hidden_size", s.hidden},
          {"intermediate_size", s.inner},
          {"num_hidden_layers", s.layers},
          {"num_attention_heads", s.heads},
          {"num_key_value_heads", s.kv_heads},
          {"vocab_size", s.vocabulary},
          {"max_position_embeddings", 8192},
          {"rms_norm_eps", 1e-5},
          {"rope_theta", 10000.0},
          {"hidden_act", "silu"},
          {"tie_word_embeddings", true}};
}

std::map<std::string, at::Tensor> random_weights(const Shape& s) {
  at::manual_seed(1);
  std::map<std::string, at::Tensor> w;
  const int64_t head_dim = s.hidden / s.heads;
  const auto linear = [&](const std::string& name, int64_t out, int64_t in) {
    w[name] = at::randn({out, in}) * 0.02;
  };
  linear("model.embed_tokens.weight", s.vocabulary, s.hidden);
  w["model.norm.weight"] = at::ones({s.hidden});
  for (int64_t i = 0; i < s.layers; ++i) {
    const std::string p = "model.layers." + std::to_string(i) + ".";
    linear(p + "self_attn.q_proj.weight", s.hidden, s.hidden);
    linear(p + "self_attn.k_proj.weight", s.kv_heads * head_dim, s.hidden);
    linear(p + "self_attn.v_proj.weight", s.kv_heads * head_dim, s.hidden);
    linear(p + "self_attn.o_proj.weight", s.hidden, s.hidden);
    linear(p + "mlp.gate_proj.weight", s.inner, s.hidden);
    linear(p + "mlp.up_proj.weight", s.inner, s.hidden);
    linear(p + "mlp.down_proj.weight", s.hidden, s.inner);
    w[p + "input_layernorm.weight"] = at::ones({s.hidden});
    w[p + "post_attention_layernorm.weight"] = at::ones({s.hidden});
  }
  return w;
}

Example random_example(int64_t tokens, int64_t vocabulary) {
  Example e;
  for (int64_t t = 0; t < tokens; ++t) {
    e.ids.push_back(static_cast<int32_t>((t * 7919 + 13) % vocabulary));
    const bool trained = t >= tokens / 8;  // a prompt, then a long reply, as in question and answer data
    e.weight.push_back(trained ? 1.0F : 0.0F);
    e.turn.push_back(trained ? 0 : -1);
    e.end_of_turn.push_back(0);
  }
  return e;
}

void full_step(benchmark::State& state, const Shape& shape) {
  const int64_t tokens = state.range(0), samples = state.range(1);
  auto model =
      build_model(config_of(shape), random_weights(shape), {.compute = at::kFloat, .train = true}).model;
  std::vector<OptimParameter> trained;
  for (const Parameter& p : model->parameters())
    trained.push_back({.name = p.name, .tensor = p.tensor, .decay = p.decay});
  AdamW optimiser(trained, {});
  Step step(*model, optimiser, {});
  const Example example = random_example(tokens / samples, shape.vocabulary);
  const std::vector<const Example*> members(static_cast<size_t>(samples), &example);
  const Batch batch = make_batch(members, "token");
  for (auto _ : state) benchmark::DoNotOptimize(step.run(std::span(&batch, 1), {.learning_rate = 1e-5}));
  state.counters["tokens/s"] =
      benchmark::Counter(static_cast<double>(tokens), benchmark::Counter::kIsIterationInvariantRate);
}

void StepTinyStories(benchmark::State& state) { full_step(state, kTinyStories); }
void StepSmolLm2(benchmark::State& state) { full_step(state, kSmolLm2); }

void HeadAndLoss(benchmark::State& state) {
  const int64_t rows = state.range(0);
  const at::Tensor hidden = at::randn({rows, kSmolLm2.hidden}).requires_grad_();
  const at::Tensor head = (at::randn({kSmolLm2.vocabulary, kSmolLm2.hidden}) * 0.02).requires_grad_();
  const LossInput input{.hidden_ND = hidden,
                        .head_VD = head,
                        .labels_N = at::randint(kSmolLm2.vocabulary, {rows}, at::kLong),
                        .coefficient_N = at::ones({rows}),
                        .end_of_turn_N = at::zeros({rows}, at::kBool)};
  for (auto _ : state) weighted_cross_entropy(input, {}).sum.backward();
  state.counters["rows/s"] =
      benchmark::Counter(static_cast<double>(rows), benchmark::Counter::kIsIterationInvariantRate);
}

// The three matrix products of the head alone: what HeadAndLoss cannot be faster than.
void HeadProducts(benchmark::State& state) {
  const int64_t rows = state.range(0);
  const at::Tensor hidden = at::randn({rows, kSmolLm2.hidden}),
                   head = at::randn({kSmolLm2.vocabulary, kSmolLm2.hidden});
  at::Tensor logits = at::empty({rows, kSmolLm2.vocabulary}), dx = at::empty_like(hidden),
             dw = at::empty_like(head);
  for (auto _ : state) {
    at::mm_out(logits, hidden, head.t());
    at::mm_out(dx, logits, head);
    at::mm_out(dw, logits.t(), hidden);
  }
}

// A few rows times 100 weights of the MLP, more than a cache holds: the library's product, ours, ours with
// the weights in bfloat16.
enum class Few : int64_t { kLibrary, kOwn, kOwnStored };
void FewRowsTimesWeights(benchmark::State& state) {
  const at::Tensor x = at::randn({state.range(0), kSmolLm2.hidden});
  const Few how{state.range(1)};
  std::vector<Weight> weights(100);
  for (Weight& w : weights) {
    w.weight_OI = at::randn({kSmolLm2.inner, kSmolLm2.hidden});
    if (how == Few::kOwnStored) w.stored_OI = w.weight_OI.to(at::kBFloat16);
  }
  for (auto _ : state)
    for (const Weight& w : weights)
      benchmark::DoNotOptimize(how == Few::kLibrary ? at::mm(x, w.weight_OI.t()) : product(x, w, {}));
}

// One product of a linear layer in bfloat16, of 30 layers in turns so that nothing waits in a cache. Ours
// makes the gradient of a weight in fp32.
enum class Kind : int64_t { kForward, kInputGradient, kWeightGradient };
void LayerProducts(benchmark::State& state) {
  constexpr int64_t kLayers = 30;
  const int64_t tokens = state.range(0), inputs = state.range(1), outputs = state.range(2);
  const Kind kind{state.range(3)};
  const bool own = state.range(4) == 1;
  struct Operands {
    at::Tensor a, b, out;
  };
  const auto random = [](int64_t rows, int64_t columns) {
    return at::randn({rows, columns}).to(at::kBFloat16);
  };
  std::vector<Operands> layers;
  for (int64_t i = 0; i < kLayers; ++i) {
    const at::Tensor x = random(tokens, inputs), w = random(outputs, inputs), dy = random(tokens, outputs);
    if (kind == Kind::kForward) layers.push_back({x, w.t(), at::zeros_like(dy)});
    if (kind == Kind::kInputGradient) layers.push_back({dy, w, at::zeros_like(x)});
    if (kind == Kind::kWeightGradient)
      layers.push_back({dy.t(), x, own ? at::zeros(w.sizes()) : at::zeros_like(w)});
  }
  for (auto _ : state) {
    for (Operands& layer : layers) {
      if (own) {
        gemm_into(layer.out, layer.a, layer.b);
      } else {
        at::mm_out(layer.out, layer.a, layer.b);
      }
    }
  }
  state.counters["FLOP/s"] = benchmark::Counter(static_cast<double>(2 * kLayers * tokens * inputs * outputs),
                                                benchmark::Counter::kIsIterationInvariantRate);
}

void layer_shapes(benchmark::internal::Benchmark* all) {
  all->ArgNames({"tokens", "inputs", "outputs", "kind", "own"});
  for (const int64_t tokens : {512, 768, 1024, 2048})
    for (const auto& [inputs, outputs] : {std::pair{576, 1536}, {1536, 576}, {576, 576}})
      for (const int64_t kind : {0, 1, 2})
        for (const int64_t own : {0, 1}) all->Args({tokens, inputs, outputs, kind, own});
}

BENCHMARK(LayerProducts)->Apply(layer_shapes)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(FewRowsTimesWeights)
    ->ArgsProduct({{1, 4, 8, 16, 32}, {0, 1, 2}})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK(StepTinyStories)->Args({1024, 4})->Unit(benchmark::kMillisecond);
BENCHMARK(StepSmolLm2)->Args({1024, 4})->Args({1024, 1})->Unit(benchmark::kMillisecond)->Iterations(3);
BENCHMARK(HeadAndLoss)->Arg(256)->Unit(benchmark::kMillisecond);
BENCHMARK(HeadProducts)->Arg(256)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace keel
