// Options of text generation (torch-free).
#pragma once

#include "base/fields.h"

namespace keel {

struct GenerateOptions {
  int64_t max_new_tokens = 256;
  double temperature = 0.0;
  double top_p = 1.0;
  int64_t top_k = 0;
  int64_t generate_batch = 16;
  int64_t seed = 42;

  template <class V>
  void fields(V& v) {
    v.group("generation");
    v("max_new_tokens", max_new_tokens, "longest answer in tokens", {.min = 1});
    v("temperature", temperature, "0: greedy", {.min = 0});
    v("top_p", top_p, "least set of tokens that holds this probability", {.min = 0, .max = 1});
    v("top_k", top_k, "only the k likeliest tokens; 0: all", {.min = 0});
    v("generate_batch", generate_batch, "prompts answered together", {.min = 1});
  }
};

}  // namespace keel
