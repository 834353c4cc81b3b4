// SentencePiece BPE as a Hugging Face BPE model. SentencePiece joins, again and again, the two neighbours
// that make the piece of the best score, the leftmost first; a merge list says the same with one rank for
// every way to split a piece. The list is not in the file and is made from the vocabulary, in the order of
// the converter in transformers (convert_slow_tokenizer.py).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "base/log.h"
#include "checkpoint/format/gguf_vocab.h"

namespace keel {
namespace {

constexpr const char* kBlank = "\u2581";
constexpr size_t kLongestPiece = 512;  // bytes; every split of a piece is tried

// Scores by which pieces are joined, highest first. Some converters had none and wrote one value for all:
// then the ids are the order in which training made the pieces.
std::vector<double> read_scores(const GgufFile& file, const GgufVocab& vocab) {
  const std::vector<double>& all = file.numbers("tokenizer.ggml.scores");
  const size_t listed = file.texts("tokenizer.ggml.tokens").size();
  if (all.size() != listed)
    refuse(file, fmt::format("{} scores for {} tokens", all.size(), listed), "one each", kOtherFile);
  std::vector<double> scores(all.begin(), all.begin() + static_cast<ptrdiff_t>(vocab.tokens.size()));
  std::set<double> of_normal;
  for (size_t id = 0; id < scores.size(); ++id) {
    if (!std::isfinite(scores[id]))
      refuse(file, fmt::format("token {} has the score {}", id, scores[id]), "a finite number", kOtherFile);
    if (vocab.types[id] == TokenType::normal && of_normal.size() < 2) of_normal.insert(scores[id]);
  }
  if (of_normal.size() == 1) {
    warn("{}: all tokens have the same score; taking the order of the vocabulary", file.where);
    for (size_t id = 0; id < scores.size(); ++id) scores[id] = -static_cast<double>(id);
  }
  return scores;
}

void check_bytes(const GgufFile& file, const GgufVocab& vocab) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string name = fmt::format("<0x{:02X}>", byte);
    const auto it = vocab.ids.find(name);
    if (it == vocab.ids.end() || vocab.types[static_cast<size_t>(it->second)] != TokenType::byte)
      refuse(file, fmt::format("no byte token {}", name), "a token of type 6 for every byte", kTakeFolder);
  }
}

struct Merge {
  double score = 0;
  int64_t piece = 0, left = 0, right = 0;  // ids
  size_t left_size = 0, right_size = 0;    // characters
};

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

size_t count_characters(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

// Id of a piece that text can become, or -1. Blanks are written as U+2581 before any piece is looked for.
int64_t find_piece(const GgufVocab& vocab, std::string_view text) {
  const auto it = vocab.ids.find(text);
  if (it == vocab.ids.end() || vocab.types[static_cast<size_t>(it->second)] != TokenType::normal) return -1;
  return text.find(' ') == std::string_view::npos ? it->second : -1;
}

void split_piece(const GgufVocab& vocab, int64_t piece, double score, std::vector<Merge>& out) {
  const std::string_view text = vocab.tokens[static_cast<size_t>(piece)];
  for (size_t at = 1; at < text.size(); ++at) {
    if (!begins_character(text[at])) continue;
    const std::string_view first = text.substr(0, at), second = text.substr(at);
    const int64_t left = find_piece(vocab, first), right = left < 0 ? -1 : find_piece(vocab, second);
    if (right < 0) continue;
    out.push_back({score, piece, left, right, count_characters(first), count_characters(second)});
  }
}

Json make_merges(const GgufFile& file, const GgufVocab& vocab, size_t unknown) {
  const std::vector<double> scores = read_scores(file, vocab);
  std::vector<Merge> merges;
  for (size_t id = 0; id < vocab.tokens.size(); ++id) {
    const int64_t piece = find_piece(vocab, vocab.tokens[id]);
    if (piece < 0 || id == unknown) continue;
    if (vocab.tokens[id].size() > kLongestPiece)
      refuse(file, fmt::format("token {} has {} bytes", id, vocab.tokens[id].size()),
             fmt::format("at most {}", kLongestPiece), kOtherFile);
    split_piece(vocab, piece, scores[id], merges);
  }
  const auto key = [](const Merge& m) {
    return std::tuple(-m.score, -static_cast<int64_t>(m.left_size), -static_cast<int64_t>(m.right_size),
                      m.piece);
  };
  std::sort(merges.begin(), merges.end(), [&](const Merge& a, const Merge& b) { return key(a) < key(b); });
  Json out = Json::array();
  for (const Merge& m : merges)
    out.push_back(fmt::format("{} {}", vocab.tokens[static_cast<size_t>(m.left)],
                              vocab.tokens[static_cast<size_t>(m.right)]));
  return out;
}

// Before BPE: one blank in front, then every blank as U+2581. As a normalizer, not as the Metaspace
// pre-tokenizer: that one adds no blank to a text that begins with one.
Json normalizer(bool space_prefix) {
  Json steps = Json::array();
  if (space_prefix) steps.push_back({{"type", "Prepend"}, {"prepend", kBlank}});
  steps.push_back({{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", kBlank}});
  return {{"type", "Sequence"}, {"normalizers", steps}};
}

Json decoder(bool space_prefix) {
  Json steps{{{"type", "Replace"}, {"pattern", {{"String", kBlank}}}, {"content", " "}},
             {{"type", "ByteFallback"}},
             {{"type", "Fuse"}}};
  if (space_prefix) steps.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  return {{"type", "Sequence"}, {"decoders", steps}};
}

Json added_tokens(const GgufVocab& vocab, size_t unknown) {
  Json out = Json::array();
  for (size_t id = 0; id < vocab.tokens.size(); ++id) {
    const TokenType type = vocab.types[id];
    const bool special = id == unknown || type == TokenType::unknown || type == TokenType::control;
    if (special || type == TokenType::user_defined) out.push_back(added_token(vocab, id, special));
  }
  return out;
}

}  // namespace

size_t sentencepiece_unknown(const GgufFile& file) {
  constexpr const char* kKey = "tokenizer.ggml.unknown_token_id";
  if (token_text(file, kKey)) return static_cast<size_t>(*file.find_integer(kKey));
  const std::vector<int64_t>& types = file.integers("tokenizer.ggml.token_type");
  const auto it = std::find(types.begin(), types.end(), static_cast<int64_t>(TokenType::unknown));
  if (it == types.end())
    refuse(file, "no unknown token", "tokenizer.ggml.unknown_token_id or a token of type 2", kOtherFile);
  return static_cast<size_t>(it - types.begin());
}

Json sentencepiece_tokenizer(const GgufFile& file, int64_t vocab_size) {
  const bool space_prefix = file.find_flag("tokenizer.ggml.add_space_prefix").value_or(true);
  const GgufVocab vocab = read_vocab(file, vocab_size);
  const size_t unknown = sentencepiece_unknown(file);
  if (unknown >= vocab.tokens.size())
    refuse(file, fmt::format("unknown token {} is one of the unused at the end", unknown), "a token in use",
           kOtherFile);
  check_bytes(file, vocab);
  Json model{{"type", "BPE"},
             {"dropout", nullptr},
             {"unk_token", vocab.tokens[unknown]},
             {"continuing_subword_prefix", nullptr},
             {"end_of_word_suffix", nullptr},
             {"fuse_unk", true},
             {"byte_fallback", true},
             {"ignore_merges", false}};
  model["vocab"] = vocab_entries(vocab);
  model["merges"] = make_merges(file, vocab, unknown);
  Json out{{"version", "1.0"}, {"truncation", nullptr}, {"padding", nullptr}};
  out["added_tokens"] = added_tokens(vocab, unknown);
  out["normalizer"] = normalizer(space_prefix);
  out["pre_tokenizer"] = nullptr;
  out["post_processor"] = post_processor(file, true);
  out["decoder"] = decoder(space_prefix);
  out["model"] = std::move(model);
  return out;
}

}  // namespace keel
