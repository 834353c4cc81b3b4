// The structure of a GGUF file (versions 2 and 3, little-endian): typed metadata and where each tensor's
// bytes are. Torch-free; nothing is copied: strings and tensors are views into the bytes that were given,
// which must outlive them. Format: the GGUF specification in ggml's docs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "checkpoint/format/dequant.h"

namespace keel {

// A nested array is skipped (monostate): no key that Keel reads has one.
using GgufValue = std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string_view,
                               std::vector<int64_t>, std::vector<double>, std::vector<std::string_view>>;

struct GgufTensor {
  std::string name;
  const GgufType* type = nullptr;
  std::vector<int64_t> shape;  // outermost first, as torch has it (the file has it the other way round)
  std::span<const std::byte> bytes;
};

// The getters throw UserError when the key is absent (find_…: nullopt) or of another kind.
struct GgufFile {
  std::string where;  // the path, for messages
  std::map<std::string, GgufValue, std::less<>> metadata;
  std::vector<GgufTensor> tensors;

  std::optional<int64_t> find_integer(const std::string& key) const;
  std::optional<double> find_number(const std::string& key) const;
  std::optional<bool> find_flag(const std::string& key) const;
  std::optional<std::string> find_text(const std::string& key) const;

  int64_t size(const std::string& key) const;  // an integer in [1, 2^31)
  std::string text(const std::string& key) const;
  const std::vector<std::string_view>& texts(const std::string& key) const;
  const std::vector<int64_t>& integers(const std::string& key) const;
  const std::vector<double>& numbers(const std::string& key) const;

  const GgufTensor* find_tensor(std::string_view name) const;
};

// Every length, count and offset is checked against the bytes that are there before anything is allocated.
GgufFile parse_gguf(std::span<const std::byte> bytes, const std::string& where);

// Throws the UserError about this file.
[[noreturn]] void refuse(const GgufFile& file, std::string found, std::string wanted, std::string hint = {});

}  // namespace keel
