// Writes GGUF bytes by hand, right or wrong.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace keel::test {

class GgufBytes {
 public:
  template <class T>
  GgufBytes& put(T value) {
    out_.append(reinterpret_cast<const char*>(&value), sizeof(T));
    return *this;
  }
  GgufBytes& text(const std::string& value) {
    put<uint64_t>(value.size());
    out_ += value;
    return *this;
  }
  GgufBytes& start(uint64_t tensors, uint64_t keys, uint32_t version = 3) {
    out_ += "GGUF";
    return put<uint32_t>(version).put<uint64_t>(tensors).put<uint64_t>(keys);
  }
  GgufBytes& key(const std::string& name, uint32_t kind) { return text(name).put<uint32_t>(kind); }
  GgufBytes& word(const std::string& name, const std::string& value) { return key(name, 8).text(value); }
  GgufBytes& number(const std::string& name, uint32_t value) { return key(name, 4).put<uint32_t>(value); }
  GgufBytes& words(const std::string& name, const std::vector<std::string>& values) {
    key(name, 9).put<uint32_t>(8).put<uint64_t>(values.size());
    for (const std::string& value : values) text(value);
    return *this;
  }
  GgufBytes& flag(const std::string& name, bool value) { return key(name, 7).put<uint8_t>(value); }
  GgufBytes& floats(const std::string& name, const std::vector<float>& values) {
    key(name, 9).put<uint32_t>(6).put<uint64_t>(values.size());
    for (const float value : values) put(value);
    return *this;
  }
  GgufBytes& integers(const std::string& name, const std::vector<int32_t>& values) {
    key(name, 9).put<uint32_t>(5).put<uint64_t>(values.size());
    for (const int32_t value : values) put(value);
    return *this;
  }
  GgufBytes& tensor(const std::string& name, std::vector<uint64_t> sides, uint32_t type, uint64_t offset) {
    text(name).put<uint32_t>(static_cast<uint32_t>(sides.size()));
    for (const uint64_t side : sides) put<uint64_t>(side);
    return put<uint32_t>(type).put<uint64_t>(offset);
  }
  std::string data(size_t bytes) {
    out_.resize((out_.size() + 31) / 32 * 32, '\0');
    return out_ + std::string(bytes, '\0');
  }
  std::string done() const { return out_; }

 private:
  std::string out_;
};

}  // namespace keel::test
