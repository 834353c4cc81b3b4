// The options by which a command that only uses a model names it.
#pragma once

#include <string>

#include "base/fields.h"
#include "model/options.h"

namespace keel {

struct ModelArgs {
  std::string model_name_or_path, adapter_name_or_path, precision = "auto";
  int64_t threads = 0;

  template <class V>
  void fields(V& v) {
    v.group("model");
    v("model_name_or_path", model_name_or_path, "Hugging Face folder or cached hub id",
      {.aliases = {"model"}});
    v("adapter_name_or_path", adapter_name_or_path, "PEFT adapter folder, used unmerged",
      {.aliases = {"adapter", "lora_path"}});
    v("precision", precision, "compute type", {.choices = {"auto", "fp32", "bf16"}});
    v("threads", threads, "compute threads; 0: all cores", {.min = 0});
  }

  ModelOptions options() const {
    return {.model_name_or_path = model_name_or_path,
            .adapter_name_or_path = adapter_name_or_path,
            .precision = precision};
  }
};

}  // namespace keel
