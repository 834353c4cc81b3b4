// A GGUF file: its structure, its values, and what the import makes of the metadata.
#include <vector>

#include "checkpoint/format/gguf.h"
#include "checkpoint/format/gguf_config.h"
#include "checkpoint/format/gguf_tokenizer.h"
#include "fuzz/fuzz_target.h"

namespace keel::fuzz {
namespace {

void dequantize_all(const GgufFile& file) {
  for (const GgufTensor& tensor : file.tensors) {
    std::vector<float> values(tensor.bytes.size() / tensor.type->bytes * tensor.type->block);
    dequantize(*tensor.type, tensor.bytes, values);
  }
}

}  // namespace

void fuzz_one(std::string_view input) {
  const GgufFile file = parse_gguf(std::as_bytes(std::span(input)), "input.gguf");
  dequantize_all(file);
  attempt([&] {
    const Json config = gguf_config(file, "float32");
    static_cast<void>(config.dump() + gguf_generation_config(file).dump());
    static_cast<void>(gguf_weights(file, config));
  });
  constexpr int64_t kRows = 100'000;
  static_cast<void>(gguf_tokenizer(file, kRows).dump());
  static_cast<void>(gguf_tokenizer_config(file).dump());
}

}  // namespace keel::fuzz
