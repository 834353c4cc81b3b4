// keel demo: base, plain SFT and NLIRG on the bundled harbour, measured the same way.
#pragma once

#include <string>
#include <vector>

#include "base/fields.h"

namespace keel {

struct DemoOptions {
  std::string model = "models/smollm2-135m";
  std::string examples = "examples";
  std::string output_dir = "runs/demo";
  std::vector<std::string> arms = {"plain", "nlirg"};
  std::string precision = "auto";
  int64_t epochs = 2;
  double learning_rate = 3e-4;
  int64_t batch_size = 8;
  int64_t seed = 42;
  int64_t max_new_tokens = 48;
  int64_t threads = 0;
  double min_gain = 0;

  template <class V>
  void fields(V& v) {
    v.group("demo");
    v("model", model, "Hugging Face folder of a chat model", {.aliases = {"model_name_or_path"}});
    v("examples", examples, "folder that holds harbor/ and general/");
    v("output_dir", output_dir, "run folder; an earlier demo there is replaced");
    v("arms", arms,
      "what is trained and compared with the base: plain, nlirg or any other token weighting, each also with "
      "+protect (kl_replay)");
    v("precision", precision, "compute type", {.choices = {"auto", "fp32", "bf16"}});
    v("epochs", epochs, "passes over the training rows", {.aliases = {"num_train_epochs"}, .min = 1});
    v("learning_rate", learning_rate, "peak learning rate of every arm", {.aliases = {"lr"}, .min = 0});
    v("batch_size", batch_size, "samples per step", {.min = 1});
    v("seed", seed, "order of the rows");
    v("max_new_tokens", max_new_tokens, "longest answer to a probe", {.min = 1});
    v("threads", threads, "compute threads; 0: all cores", {.min = 0});
    v("min_gain", min_gain,
      "exit with 3 unless plain SFT raises held-out harbour accuracy by this many points");
  }
};

}  // namespace keel
