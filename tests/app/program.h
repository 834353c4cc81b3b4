// Runs the real program on a tiny model made here: one token a letter, random weights.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/json.h"
#include "checkpoint/tensors.h"
#include "support/paths.h"
#include "text/small_tokenizer.h"

namespace keel::test {

struct Outcome {
  int code = 0;
  std::string text;  // stdout and stderr
};

// before: put in front of the program, such as "timeout 5".
inline Outcome run_keel(const std::string& args, const std::string& before = "") {
  const std::string command = before + " " + KEEL_BINARY_DIR + "/keel " + args + " 2>&1 </dev/null";
  Outcome out;
  std::FILE* pipe = ::popen(command.c_str(), "r");
  std::array<char, 4096> buffer;
  for (size_t n; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    out.text.append(buffer.data(), n);
  const int status = ::pclose(pipe);
  out.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return out;
}

inline void make_tiny_chat_model(const fs::path& dir) {
  constexpr int64_t kHidden = 32, kInner = 48, kHeads = 4, kKvHeads = 2, kLayers = 2;
  const Json tokenizer = letter_tokenizer_json({"<|im_start|>", "<|im_end|>"});
  const auto vocabulary =
      static_cast<int64_t>(tokenizer["model"]["vocab"].size() + tokenizer["added_tokens"].size());
  at::manual_seed(7);
  TensorMap w;
  const auto linear = [&](const std::string& name, int64_t out, int64_t in) {
    w[name] = at::randn({out, in}) * 0.1;
  };
  linear("model.embed_tokens.weight", vocabulary, kHidden);
  w["model.norm.weight"] = at::ones({kHidden});
  for (int64_t i = 0; i < kLayers; ++i) {
    const std::string p = "model.layers." + std::to_string(i) + ".";
    linear(p + "self_attn.q_proj.weight", kHidden, kHidden);
    linear(p + "self_attn.k_proj.weight", kHidden * kKvHeads / kHeads, kHidden);
    linear(p + "self_attn.v_proj.weight", kHidden * kKvHeads / kHeads, kHidden);
    linear(p + "self_attn.o_proj.weight", kHidden, kHidden);
    linear(p + "mlp.gate_proj.weight", kInner, kHidden);
    linear(p + "mlp.up_proj.weight", kInner, kHidden);
    linear(p + "mlp.down_proj.weight", kHidden, kInner);
    w[p + "input_layernorm.weight"] = at::ones({kHidden});
    w[p + "post_attention_layernorm.weight"] = at::ones({kHidden});
  }
  save_safetensors(dir / "model.safetensors", w);
  const Json config{{"architectures", {"LlamaForCausalLM"}},
                    {"model_type", "llama"},
                    {"hidden_size", kHidden},
                    {"intermediate_size", kInner},
                    {"num_hidden_layers", kLayers},
                    {"num_attention_heads", kHeads},
                    {"num_key_value_heads", kKvHeads},
                    {"vocab_size", vocabulary},
                    {"max_position_embeddings", 512},
                    {"rms_norm_eps", 1e-5},
                    {"rope_theta", 10000.0},
                    {"hidden_act", "silu"},
                    {"tie_word_embeddings", true},
                    {"torch_dtype", "float32"}};
  write_file(dir / "config.json", config.dump(2));
  write_file(dir / "tokenizer.json", tokenizer.dump());
  const std::string chatml =
      "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>' + '\\n' }}{% "
      "endfor %}"
      "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
  write_file(dir / "tokenizer_config.json",
             Json{{"eos_token", "<|im_end|>"}, {"chat_template", chatml}}.dump(2));
  write_file(dir / "generation_config.json", Json{{"eos_token_id", vocabulary - 1}}.dump());
}

// Rows that a tiny model learns in a few dozen steps.
inline void make_rows(const fs::path& path, int rows) {
  std::string lines;
  for (int i = 0; i < rows; ++i) {
    const std::string letter(1, static_cast<char>('a' + i % 8));
    lines += Json{{"instruction", "say " + letter + " " + std::to_string(i)},
                  {"input", ""},
                  {"output", letter + letter + letter}}
                 .dump() +
             "\n";
  }
  write_file(path, lines);
}

// A folder with the tiny model and 40 rows to train it on.
class TrainingTest : public testing::Test {
 protected:
  void SetUp() override {
    make_folders(dir_ / "model");
    make_tiny_chat_model(dir_ / "model");
    make_rows(dir_ / "rows.jsonl", 40);
    data_ = "--dataset " + path("rows.jsonl");
  }

  std::string path(const std::string& name) const { return (dir_ / name).string(); }

  std::string train_args(const std::string& out, const std::string& more) const {
    return "train --model_name_or_path " + path("model") + " " + data_ + " --output_dir " + path(out) +
           " --learning_rate 0.01 --precision fp32 --threads 1 " + more + " ";
  }

  std::vector<Json> metrics(const std::string& run) const {
    std::istringstream in(read_text(dir_ / (run + "/metrics.jsonl")));
    std::vector<Json> rows;
    for (std::string line; std::getline(in, line);) rows.push_back(Json::parse(line));
    return rows;
  }

  TempDir dir_;
  std::string data_;  // what is trained on
};

}  // namespace keel::test
