// A Hugging Face tokenizer.json: text to ids and back, with the ids of the `tokenizers` library itself.
// Truncation and padding of the file are kept for to_json() but never applied. All const members may be
// called by many threads at once. Text that is not UTF-8 is a UserError.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct BrTokenizer;

namespace keel {

class Tokenizer {
 public:
  // Reads dir/tokenizer.json. UserError when it is missing or broken.
  static Tokenizer from_folder(const std::filesystem::path& dir);
  // `where` names the text in messages.
  static Tokenizer from_json(std::string_view json, const std::string& where = "tokenizer.json");

  // Special tokens written in the text are read as such. add_special: also what the file's post-processor
  // puts around a text (a BOS, for some).
  std::vector<int32_t> encode(std::string_view text, bool add_special = false) const;

  // Token i came from the bytes [begin_byte[i], end_byte[i]) of the text, blanks included. Tokens that share
  // one character have the same range.
  struct Encoding {
    std::vector<int32_t> ids;
    std::vector<uint32_t> begin_byte, end_byte;
  };
  Encoding encode_with_offsets(std::string_view text) const;

  // One row for each text; threads 0: one for each core. The result does not depend on the number of threads.
  std::vector<std::vector<int32_t>> encode_batch(std::span<const std::string> texts, int threads = 0) const;

  // Ids outside the vocabulary are left out. Bytes that make no UTF-8 (a cut character) come out as U+FFFD.
  std::string decode(std::span<const int32_t> ids, bool skip_special = true) const;

  int vocab_size() const;  // entries, added tokens included
  int max_id() const;      // largest id in use (ids may have gaps), -1 for an empty vocabulary
  std::optional<int32_t> token_to_id(std::string_view token) const;
  std::string id_to_token(int32_t id) const;  // UserError for an unknown id
  bool is_special(int32_t id) const;

  // Appends what the vocabulary lacks and returns how many were new. Not to be called beside other calls.
  int add_tokens(std::span<const std::string> tokens, bool special);
  std::string to_json() const;
  void save(const std::filesystem::path& dir) const;  // dir/tokenizer.json

 private:
  struct Free {
    void operator()(BrTokenizer* tokenizer) const;
  };
  explicit Tokenizer(BrTokenizer* tokenizer) : handle_(tokenizer) {}

  std::unique_ptr<BrTokenizer, Free> handle_;
};

}  // namespace keel
