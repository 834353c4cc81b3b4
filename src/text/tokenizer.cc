#include "text/tokenizer.h"

#include <limits>

#include "base/fs.h"
#include "text/bridge_call.h"

namespace keel {
namespace {

// The ids of a br_encode, freed with the object.
class IdRows {
 public:
  IdRows(const BrTokenizer* tokenizer, std::span<const BrStr> texts, uint32_t flags, uint32_t threads) {
    call_bridge("text to tokenise", "", [&](char** err) {
      return br_encode(tokenizer, texts.data(), texts.size(), flags, threads, &ids_, err);
    });
  }
  ~IdRows() { br_ids_free(&ids_); }
  IdRows(const IdRows&) = delete;
  IdRows& operator=(const IdRows&) = delete;

  std::vector<int32_t> row(size_t i) const { return {ids_.ids + ids_.row[i], ids_.ids + ids_.row[i + 1]}; }
  std::vector<uint32_t> begins() const { return {ids_.begin, ids_.begin + ids_.n_ids}; }
  std::vector<uint32_t> ends() const { return {ids_.end, ids_.end + ids_.n_ids}; }

 private:
  BrIds ids_{};
};

void check_length(std::string_view text) {
  // Offsets are 32 bits wide.
  if (text.size() <= std::numeric_limits<uint32_t>::max()) return;
  throw UserError({.where = "text to tokenise",
                   .found = std::to_string(text.size()) + " bytes in one piece",
                   .wanted = "less than 4 GiB",
                   .hint = "split the text into documents"});
}

}  // namespace

void Tokenizer::Free::operator()(BrTokenizer* tokenizer) const { br_tokenizer_free(tokenizer); }

Tokenizer Tokenizer::from_folder(const fs::path& dir) {
  const fs::path path = dir / "tokenizer.json";
  if (!fs::exists(path)) {
    throw UserError(
        {.where = dir.string(),
         .found = "no tokenizer.json",
         .wanted = "a Hugging Face folder with the tokenizer in its fast form",
         .hint = "save it with AutoTokenizer.from_pretrained(…).save_pretrained(…), which writes one"});
  }
  return from_json(read_text(path), path.string());
}

Tokenizer Tokenizer::from_json(std::string_view json, const std::string& where) {
  BrTokenizer* handle = nullptr;
  call_bridge(where, "get the file again; it may be cut, or made by a newer version of tokenizers",
              [&](char** err) { return br_tokenizer_from_json(borrow(json), &handle, err); });
  return Tokenizer(handle);
}

std::vector<int32_t> Tokenizer::encode(std::string_view text, bool add_special) const {
  check_length(text);
  const BrStr input = borrow(text);
  return IdRows(handle_.get(), {&input, 1}, add_special ? BR_ADD_SPECIAL : 0, 1).row(0);
}

Tokenizer::Encoding Tokenizer::encode_with_offsets(std::string_view text) const {
  check_length(text);
  const BrStr input = borrow(text);
  const IdRows rows(handle_.get(), {&input, 1}, BR_BYTE_OFFSETS, 1);
  return {.ids = rows.row(0), .begin_byte = rows.begins(), .end_byte = rows.ends()};
}

std::vector<std::vector<int32_t>> Tokenizer::encode_batch(std::span<const std::string> texts,
                                                          int threads) const {
  KEEL_CHECK(threads >= 0, "encode_batch needs a count of threads");
  std::vector<BrStr> inputs;
  inputs.reserve(texts.size());
  for (const std::string& text : texts) {
    check_length(text);
    inputs.push_back(borrow(text));
  }
  const IdRows rows(handle_.get(), inputs, 0, static_cast<uint32_t>(threads));
  std::vector<std::vector<int32_t>> out;
  out.reserve(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) out.push_back(rows.row(i));
  return out;
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special) const {
  // A negative id becomes a large unsigned one, which no vocabulary holds.
  const std::vector<uint32_t> unsigned_ids(ids.begin(), ids.end());
  return text_from_bridge("ids to decode", [&](BrBuf* out, char** err) {
    return br_decode(handle_.get(), unsigned_ids.data(), unsigned_ids.size(), skip_special, out, err);
  });
}

int Tokenizer::vocab_size() const { return static_cast<int>(br_vocab_size(handle_.get(), 1)); }

int Tokenizer::max_id() const { return static_cast<int>(br_max_id(handle_.get())); }

std::optional<int32_t> Tokenizer::token_to_id(std::string_view token) const {
  const int64_t id = br_token_to_id(handle_.get(), borrow(token));
  if (id < 0) return std::nullopt;
  return static_cast<int32_t>(id);
}

std::string Tokenizer::id_to_token(int32_t id) const {
  return text_from_bridge("tokenizer", [&](BrBuf* out, char** err) {
    return br_id_to_token(handle_.get(), static_cast<uint32_t>(id), out, err);
  });
}

bool Tokenizer::is_special(int32_t id) const {
  return br_is_special(handle_.get(), static_cast<uint32_t>(id)) != 0;
}

int Tokenizer::add_tokens(std::span<const std::string> tokens, bool special) {
  std::vector<BrStr> inputs;
  for (const std::string& token : tokens) inputs.push_back(borrow(token));
  size_t n_new = 0;
  call_bridge("tokens to add", "", [&](char** err) {
    return br_add_tokens(handle_.get(), inputs.data(), inputs.size(), special, &n_new, err);
  });
  return static_cast<int>(n_new);
}

std::string Tokenizer::to_json() const {
  return text_from_bridge(
      "tokenizer", [&](BrBuf* out, char** err) { return br_tokenizer_to_json(handle_.get(), out, err); });
}

void Tokenizer::save(const fs::path& dir) const { write_file(dir / "tokenizer.json", to_json()); }

}  // namespace keel
