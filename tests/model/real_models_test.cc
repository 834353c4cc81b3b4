// Small published models: forward numbers and greedy ids of an independent implementation.
#include "golden.h"

#include <ATen/core/grad_mode.h>

#include <cstring>

#include "base/fs.h"

namespace keel::test {
namespace {

void expect_published(CausalLM& model, const Json& golden) {
  const at::NoGradGuard no_grad;
  const auto ids = golden["ids"].get<std::vector<int64_t>>();
  const auto count = static_cast<int64_t>(ids.size());
  const at::Tensor logits = logits_of(model, {.ids_T = at::tensor(ids, at::kLong), .offsets = {0, count}});
  std::vector<int64_t> labels(ids.begin() + 1, ids.end());
  labels.push_back(-100);
  const double nll = golden["mean_nll_next_token"].get<double>();
  EXPECT_NEAR(mean_loss(logits, labels).item<double>(), nll, 1e-4 * nll);
  const at::Tensor best = at::tensor(golden["argmax_per_pos"].get<std::vector<int64_t>>(), at::kLong);
  EXPECT_TRUE(logits.argmax(-1).equal(best));
  const auto first8 = golden["last_logits_first8"].get<std::vector<float>>();
  const at::Tensor last = logits[count - 1];
  const double scale = last.abs().max().item<double>();
  for (size_t i = 0; i < 8; ++i) EXPECT_NEAR(last[i].item<float>(), first8[i], 1e-4 * scale) << i;

  const auto expected = golden["greedy_from_first8_ids"].get<std::vector<int64_t>>();
  std::vector<int64_t> fresh(ids.begin(), ids.begin() + std::min<int64_t>(8, count)), found = fresh;
  const auto cache = model.make_cache(1);
  while (found.size() < expected.size()) {
    const PackedTokens tokens{.ids_T = at::tensor(fresh, at::kLong),
                              .offsets = {0, static_cast<int64_t>(fresh.size())}};
    fresh = {at::linear(model.decode(tokens, *cache), model.head_VD()).argmax(-1).item<int64_t>()};
    found.push_back(fresh[0]);
  }
  EXPECT_EQ(found, expected);
}

TEST(RealModels, TinyStories656k) {
  KEEL_NEED_SHARED("data/models/tinystories-656k");
  const auto dir = shared_dir() / "data/models";
  const HfFolder folder = HfFolder::open(dir / "tinystories-656k");
  const auto model = build_model(folder.config, folder.tensors(), {}).model;
  expect_published(*model, read_json(dir / "forward_golden.json")["TinyStories-656K"]);
}

// The weights of a llama2.c checkpoint by Hugging Face name. Its heads turn neighbouring numbers where ours
// turn halves, so the rows of a head of q and k are dealt out anew: even ones first.
class Llama2C {
 public:
  explicit Llama2C(const std::filesystem::path& path) : file_(path) {
    std::memcpy(header_, file_.bytes().data(), sizeof header_);
    at_ = sizeof header_;
  }

  Json config() const {
    return {{"model_type", "llama"},
            {"hidden_size", header_[0]},
            {"intermediate_size", header_[1]},
            {"num_hidden_layers", header_[2]},
            {"num_attention_heads", header_[3]},
            {"num_key_value_heads", header_[4]},
            {"vocab_size", header_[5]},
            {"max_position_embeddings", header_[6]},
            {"rms_norm_eps", 1e-5},
            {"tie_word_embeddings", true}};
  }

  TensorMap tensors() {
    const int64_t d = header_[0], inner = header_[1], kv = d / header_[3] * header_[4];
    TensorMap out;
    out["model.embed_tokens.weight"] = next({header_[5], d});
    each(out, "input_layernorm.weight", {d});
    each(out, "self_attn.q_proj.weight", {d, d}, d / header_[3]);
    each(out, "self_attn.k_proj.weight", {kv, d}, d / header_[3]);
    each(out, "self_attn.v_proj.weight", {kv, d});
    each(out, "self_attn.o_proj.weight", {d, d});
    each(out, "post_attention_layernorm.weight", {d});
    each(out, "mlp.gate_proj.weight", {inner, d});
    each(out, "mlp.down_proj.weight", {d, inner});
    each(out, "mlp.up_proj.weight", {inner, d});
    out["model.norm.weight"] = next({d});
    return out;
  }

 private:
  at::Tensor next(const std::vector<int64_t>& shape) {
    const at::Tensor t = at::empty(shape);
    const size_t size = t.numel() * sizeof(float);
    std::memcpy(t.data_ptr(), file_.bytes().subspan(at_, size).data(), size);
    at_ += size;
    return t;
  }

  void each(TensorMap& out, const std::string& name, const std::vector<int64_t>& shape,
            int64_t turned_head = 0) {
    for (int64_t i = 0; i < header_[2]; ++i) {
      at::Tensor t = next(shape);
      if (turned_head > 0) {
        t = t.view({-1, turned_head / 2, 2, shape[1]}).transpose(1, 2).reshape(shape).contiguous();
      }
      out[fmt::format("model.layers.{}.{}", i, name)] = t;
    }
  }

  MappedFile file_;
  int32_t header_[7] = {};
  size_t at_ = 0;
};

TEST(RealModels, Llama2CCheckpoints) {
  KEEL_NEED_SHARED("data/models/stories260k");
  const auto dir = shared_dir() / "data/models";
  const Json golden = read_json(dir / "forward_golden.json");
  for (const auto& [file, name] : {std::pair{"stories260k/checkpoint_legacy.bin", "stories260K"},
                                   std::pair{"babyllama-tok105/model5000.bin", "babyllama_tok105"}}) {
    SCOPED_TRACE(file);
    Llama2C checkpoint(dir / file);
    const auto model = build_model(checkpoint.config(), checkpoint.tensors(), {}).model;
    expect_published(*model, golden[name]);
  }
}

}  // namespace
}  // namespace keel::test
