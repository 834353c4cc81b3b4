// The product for few rows against one in double, and what a model makes of weights that its file has in
// bfloat16.
#include "model/product.h"

#include "golden.h"
#include "model/dispatch.h"
#include "model/few_rows.h"

namespace keel::test {
namespace {

// In double, and how far from it a sum in fp32 may be: a rounding of 2^-24 for each term, of the size of what
// is added up so far at most.
struct Exact {
  at::Tensor value_TO, error_TO;

  Exact(const at::Tensor& x_TI, const at::Tensor& weight_OI, const at::Tensor& sum) {
    const at::Tensor x = x_TI.to(at::kDouble), w = weight_OI.to(at::kDouble).t();
    value_TO = at::mm(x, w) + sum;
    error_TO = (at::mm(x.abs(), w.abs()) + sum.abs()) * (x.size(1) * 0x1p-24);
  }
};

void expect_exact(const at::Tensor& found, const Exact& exact, double rounding, const std::string& what) {
  const at::Tensor over =
      (found.to(at::kDouble) - exact.value_TO).abs() - exact.error_TO - exact.value_TO.abs() * rounding;
  EXPECT_LE(over.max().item<double>(), 0) << what;
}

TEST(Product, OfFewRowsIsRight) {
  at::manual_seed(11);
  for (const int64_t inputs : {32, 96, 160, 33}) {  // 33: for the library
    for (const int64_t outputs : {1, 5, 6, 13, 97}) {
      const at::Tensor bf16 = at::randn({outputs, inputs}).to(at::kBFloat16), fp32 = bf16.to(at::kFloat);
      const at::Tensor third = fp32 / 3;  // not of bfloat16
      for (const int64_t rows : {1, 2, 3, 4, 7, 8, 9, 13, 32, 33}) {
        const std::string what = fmt::format("{} rows, {} inputs, {} outputs", rows, inputs, outputs);
        const at::Tensor x = at::randn({rows, inputs}), low = x.to(at::kBFloat16);
        const at::Tensor bias = at::randn({outputs}), sum = at::randn({rows, outputs}).to(at::kBFloat16);
        const at::Tensor none = at::zeros({outputs});
        expect_exact(product(x, {third, {}}, {}), Exact(x, third, none), 0, what);
        expect_exact(product(x, {third, {}}, bias), Exact(x, third, bias), 0, what + ", bias");
        const at::Tensor wide = sum.to(at::kFloat);
        expect_exact(product(x, {fp32, bf16}, wide), Exact(x, fp32, wide), 0, what + ", stored, sum");
        const at::Tensor rounded = product(low, {bf16, {}}, sum);
        ASSERT_EQ(rounded.scalar_type(), at::kBFloat16);
        expect_exact(rounded, Exact(low, bf16, wide), 0x1p-8, what + ", bf16");
      }
    }
  }
}

// So that an answer does not depend on what is answered beside it, nor on the number of threads.
TEST(Product, ARowIsTheSameAloneAndAmongOthers) {
  at::manual_seed(12);
  const at::Tensor x = at::randn({kFewRows, 64}), w = at::randn({50, 64}), bf16 = w.to(at::kBFloat16);
  for (const Weight& weight : {Weight{w, {}}, Weight{bf16.to(at::kFloat), bf16}}) {
    const at::Tensor all = product(x, weight, {});
    for (int64_t row = 0; row < kFewRows; ++row)
      EXPECT_TRUE(product(x.slice(0, row, row + 1), weight, {}).equal(all.slice(0, row, row + 1))) << row;
  }
  const at::Tensor whole = at::empty({kFewRows, 50}), parts = at::empty_like(whole);
  const auto multiply = [&](const at::Tensor& y, std::initializer_list<int64_t> ends) {
    int64_t begin = 0;
    for (const int64_t end : ends) {
      few_rows({rows_of<float>(x), rows_of<float>(w), rows_of<float>(y), kFewRows, 64, 50}, begin, end);
      begin = end;
    }
  };
  multiply(whole, {50});
  multiply(parts, {7, 8, 31, 50});
  EXPECT_TRUE(parts.equal(whole));
}

TEST(Product, ReadsTheWeightAsStored) {
  const at::Tensor stored = at::ones({3, 32}).to(at::kBFloat16), other = at::zeros({3, 32});
  EXPECT_TRUE(product(at::ones({2, 32}), {other, stored}, {}).equal(at::full({2, 3}, 32.0)));
  EXPECT_TRUE(product(at::ones({kFewRows + 1, 32}), {other, stored}, {}).equal(at::zeros({kFewRows + 1, 3})));
}

class StoredWeights : public testing::Test {
 protected:
  const Json config_ = {{"architectures", {"LlamaForCausalLM"}},
                        {"model_type", "llama"},
                        {"hidden_size", 64},
                        {"intermediate_size", 96},
                        {"num_hidden_layers", 2},
                        {"num_attention_heads", 4},
                        {"num_key_value_heads", 2},
                        {"vocab_size", 50},
                        {"max_position_embeddings", 64},
                        {"rms_norm_eps", 1e-5},
                        {"hidden_act", "silu"},
                        {"tie_word_embeddings", true}};

  TensorMap weights(at::ScalarType type) const {
    at::manual_seed(13);
    TensorMap out{{"model.embed_tokens.weight", at::randn({50, 64}).to(type)},
                  {"model.norm.weight", at::ones({64}).to(type)}};
    for (const std::string at : {"model.layers.0.", "model.layers.1."}) {
      const auto add = [&](const std::string& name, int64_t outputs, int64_t inputs) {
        out[at + name + "_proj.weight"] = (at::randn({outputs, inputs}) / 8).to(type);
      };
      add("self_attn.q", 64, 64), add("self_attn.k", 32, 64), add("self_attn.v", 32, 64);
      add("self_attn.o", 64, 64), add("mlp.gate", 96, 64), add("mlp.up", 96, 64), add("mlp.down", 64, 96);
      out[at + "input_layernorm.weight"] = out[at + "post_attention_layernorm.weight"] =
          at::ones({64}).to(type);
    }
    return out;
  }

  // Logits behind a prompt of 40 tokens, then behind one more token.
  static std::vector<at::Tensor> logits(CausalLM& model) {
    const auto cache = model.make_cache(1);
    const at::Tensor prompt = at::arange(40);
    const at::Tensor first = model.decode({.ids_T = prompt, .offsets = {0, 40}}, *cache);
    const at::Tensor second = model.decode({.ids_T = at::tensor({int64_t{7}}), .offsets = {0, 1}}, *cache);
    return {model.logits(first), model.logits(second)};
  }
};

TEST_F(StoredWeights, AnswerAsTheModelWithoutThem) {
  TensorMap bf16 = weights(at::kBFloat16), fp32 = bf16;
  for (auto& [name, tensor] : fp32) tensor = tensor.to(at::kFloat);
  const auto with = build_model(config_, bf16, {}).model, without = build_model(config_, fp32, {}).model;
  const auto found = logits(*with), expected = logits(*without);
  for (size_t i = 0; i < found.size(); ++i) expect_near(found[i], expected[i], 1e-5, fmt::format("{}", i));
  // What the file has is what few rows are multiplied with, without a copy.
  bf16.at("model.layers.1.mlp.down_proj.weight").zero_();
  EXPECT_TRUE(logits(*with)[0].equal(found[0])) << "many rows";
  EXPECT_FALSE(logits(*with)[1].equal(found[1])) << "one row";
}

// Training changes the weights; what the file has would be the numbers of before.
TEST_F(StoredWeights, AreNotUsedInTraining) {
  TensorMap bf16 = weights(at::kBFloat16);
  const auto model = build_model(config_, bf16, {.train = true}).model;
  const auto before = logits(*model);
  bf16.at("model.layers.1.mlp.down_proj.weight").zero_();
  EXPECT_TRUE(logits(*model)[1].equal(before[1]));
}

}  // namespace
}  // namespace keel::test
