// import_gguf: weights one after the other to float, then to the wanted type. The model is held once in that
// type.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "checkpoint/format/gguf.h"
#include "checkpoint/format/gguf_config.h"
#include "checkpoint/format/gguf_tokenizer.h"
#include "checkpoint/hf_folder.h"

namespace keel {
namespace {

std::string torch_name(at::ScalarType dtype) {
  if (dtype == at::kFloat) return "float32";
  if (dtype == at::kBFloat16) return "bfloat16";
  if (dtype == at::kHalf) return "float16";
  throw UserError({.where = "import",
                   .found = fmt::format("weights as {}", at::toString(dtype)),
                   .wanted = "float32, bfloat16 or float16"});
}

// Converters of llama files store row 2j + i of a head where Hugging Face has row i · half + j: rotary
// positions turn neighbours there, halves here.
at::Tensor halves_of_pairs(const at::Tensor& weight, int64_t heads, const std::string& where) {
  const int64_t rows = weight.size(0);
  if (rows % (2 * heads) != 0)
    throw UserError({.where = where,
                     .found = fmt::format("{} rows", rows),
                     .wanted = fmt::format("{} even heads", heads)});
  return weight.reshape({heads, rows / heads / 2, 2, -1})
      .transpose(1, 2)
      .reshape(weight.sizes())
      .contiguous();
}

at::Tensor read_weight(const GgufFile& file, const GgufWeight& weight, at::ScalarType dtype) {
  const GgufTensor& tensor = *file.find_tensor(weight.gguf);
  const std::string where = fmt::format("{}, tensor \"{}\"", file.where, tensor.name);
  at::Tensor values = at::empty(tensor.shape, at::kFloat);
  const std::span<float> flat(values.mutable_data_ptr<float>(), static_cast<size_t>(values.numel()));
  dequantize(*tensor.type, tensor.bytes, flat);
  if (!std::all_of(flat.begin(), flat.end(), [](float value) { return std::isfinite(value); }))
    throw UserError({.where = where,
                     .found = "values that are not finite (NaN or infinity)",
                     .hint = "the file is damaged: download it again"});
  if (weight.interleaved_heads > 0) values = halves_of_pairs(values, weight.interleaved_heads, where);
  at::Tensor out = values.to(dtype);
  if (dtype == at::kHalf && !out.isfinite().all().item<bool>())
    throw UserError(
        {.where = where, .found = "values too large for float16", .hint = "import as bfloat16 or float32"});
  return out;
}

// Q4_1 and most other types are not exact in 16 bits; the user should know when bits are lost.
void say_what_was_read(const GgufFile& file, const TensorMap& tensors, at::ScalarType dtype) {
  int64_t values = 0;
  for (const auto& [name, tensor] : tensors) values += tensor.numel();
  info("{}: {} tensors, {:.1f} million values as {}", file.where, tensors.size(),
       static_cast<double>(values) / 1e6, torch_name(dtype));
}

}  // namespace

void import_gguf(const std::filesystem::path& gguf, const std::filesystem::path& out, at::ScalarType dtype) {
  const MappedFile mapped(gguf);
  const GgufFile file = parse_gguf(mapped.bytes(), gguf.string());
  const Json config = gguf_config(file, torch_name(dtype));
  const std::vector<GgufWeight> weights = gguf_weights(file, config);
  const Json tokenizer = gguf_tokenizer(file, config.at("vocab_size").get<int64_t>());
  const Json tokenizer_config = gguf_tokenizer_config(file);
  PartFolder folder(out);
  write_file(folder.dir() / "tokenizer.json", to_line(tokenizer));
  write_file(folder.dir() / "tokenizer_config.json", tokenizer_config.dump(2) + "\n");
  write_file(folder.dir() / "generation_config.json", gguf_generation_config(file).dump(2) + "\n");
  TensorMap tensors;
  for (const GgufWeight& weight : weights) tensors[weight.hf] = read_weight(file, weight, dtype);
  save_hf_folder({}, tensors, config, folder.dir());
  folder.commit();
  say_what_was_read(file, tensors, dtype);
}

}  // namespace keel
