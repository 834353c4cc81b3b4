#include "app/token_view.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

#include "base/utf8.h"
#include "report/html_escape.h"

namespace keel {
namespace {

constexpr std::string_view kBroken = "\xEF\xBF\xBD";  // U+FFFD: half a character
constexpr char32_t kReplacement = 0xFFFD;
constexpr size_t kMostTokensOfACharacter = 16;

TokenKind kind_of(const Example& e, size_t t) {
  if (e.weight[t] == 0) return TokenKind::context;
  return e.end_of_turn[t] != 0 ? TokenKind::end_of_turn : TokenKind::trained;
}

// The text that [begin, end) adds behind its neighbour: some decoders drop a blank at a text's beginning.
std::string text_of(const Tokenizer& tokenizer, const Example& e, size_t begin, size_t end) {
  const std::span<const int32_t> ids(e.ids);
  const size_t from = begin > 0 ? begin - 1 : 0;
  const std::string before = tokenizer.decode(ids.subspan(from, begin - from), false);
  const std::string with = tokenizer.decode(ids.subspan(from, end - from), false);
  if (with.starts_with(before)) return with.substr(before.size());
  return tokenizer.decode(ids.subspan(begin, end - begin), false);
}

bool is_invisible(char32_t c) {
  static constexpr std::array<std::pair<char32_t, char32_t>, 12> kRanges{{{0x80, 0x9F},
                                                                          {0xA0, 0xA0},
                                                                          {0xAD, 0xAD},
                                                                          {0x34F, 0x34F},
                                                                          {0x61C, 0x61C},
                                                                          {0x1680, 0x1680},
                                                                          {0x180E, 0x180E},
                                                                          {0x2000, 0x200F},
                                                                          {0x2028, 0x202F},
                                                                          {0x205F, 0x206F},
                                                                          {0x3000, 0x3000},
                                                                          {0xFEFF, 0xFEFF}}};
  for (const auto& [first, last] : kRanges) {
    if (c >= first && c <= last) return true;
  }
  return c >= 0xE0000 && c <= 0xE007F;
}

// A blank counts as seen only between two characters that are none.
bool stands_alone(std::string_view text, size_t i) {
  const auto blank = [](char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; };
  return i == 0 || i + 1 == text.size() || blank(text[i - 1]) || blank(text[i + 1]);
}

std::string sign_of(std::string_view text, size_t begin, size_t end, char32_t c) {
  if (c == '\n') return "⏎\n";
  if (c == '\t') return "⇥";
  if (c == ' ') return stands_alone(text, begin) ? "·" : " ";
  if (c < 0x20) return std::string{'\xE2', '\x90', static_cast<char>(0x80 + c)};  // ␀ and so on
  if (c == 0x7F) return "␡";
  if (c == kReplacement) return std::string(kBroken);
  if (is_invisible(c)) return fmt::format("<U+{:04X}>", static_cast<uint32_t>(c));
  return std::string(text.substr(begin, end - begin));
}

bool same_run(const TokenPiece& a, const TokenPiece& b) { return a.kind == b.kind && a.weight == b.weight; }

std::string marked_run(const TokenPiece& first, std::string_view text) {
  if (first.kind == TokenKind::context) return visible(text);
  const std::string weight = first.weight == 1 ? "" : fmt::format("×{:g} ", first.weight);
  const char sign = first.kind == TokenKind::trained ? '+' : '!';
  return fmt::format("{{{0}{1}{2}{0}}}", sign, weight, visible(text));
}

// Two shades, by turns, show where tokens meet.
std::string_view colour_of(TokenKind kind, bool odd) {
  if (kind == TokenKind::end_of_turn) return "\x1b[97;48;5;162m";
  if (kind == TokenKind::trained) return odd ? "\x1b[30;48;5;114m" : "\x1b[30;48;5;78m";
  return odd ? "\x1b[38;5;250m" : "\x1b[38;5;245m";
}

std::string coloured(std::string_view text, TokenKind kind, bool odd) {
  return fmt::format("{}{}\x1b[0m", colour_of(kind, odd), text);
}

}  // namespace

std::vector<TokenPiece> token_pieces(const Example& example, const Tokenizer& tokenizer) {
  std::vector<TokenPiece> pieces;
  for (size_t begin = 0; begin < example.ids.size();) {
    size_t end = begin + 1;
    std::string text = text_of(tokenizer, example, begin, end);
    while (text.ends_with(kBroken) && end < example.ids.size() && end - begin < kMostTokensOfACharacter)
      text = text_of(tokenizer, example, begin, ++end);
    pieces.push_back({.text = std::move(text),
                      .ids = {example.ids.begin() + static_cast<ptrdiff_t>(begin),
                              example.ids.begin() + static_cast<ptrdiff_t>(end)},
                      .kind = kind_of(example, begin),
                      .weight = example.weight[begin]});
    begin = end;
  }
  return pieces;
}

std::string visible(std::string_view text) {
  std::string out;
  for (size_t begin = 0, end = 0; begin < text.size(); begin = end) {
    const char32_t c = next_character(text, end);
    out += sign_of(text, begin, end, c);
  }
  return out;
}

std::string token_counts(const Example& example) {
  int64_t ends = 0;
  for (const uint8_t end : example.end_of_turn) ends += end;
  return fmt::format("{} · {} tokens, {} trained, {} ends of turn", example.place, example.size(),
                     example.supervised(), ends);
}

std::string terminal_view(const std::vector<TokenPiece>& pieces, bool colour) {
  std::string out;
  for (size_t i = 0; i < pieces.size();) {
    if (colour) {
      out += coloured(visible(pieces[i].text), pieces[i].kind, i % 2 != 0);
      ++i;
      continue;
    }
    const TokenPiece& first = pieces[i];
    std::string run;
    for (; i < pieces.size() && same_run(first, pieces[i]); ++i) run += pieces[i].text;
    out += marked_run(first, run);
  }
  return out;
}

std::string terminal_legend(bool colour) {
  if (!colour) return "context {+trained+} {!end of turn!}";
  return coloured("context", TokenKind::context, false) + " " +
         coloured("trained", TokenKind::trained, false) + " " +
         coloured("end of turn", TokenKind::end_of_turn, false);
}

std::string html_view(const std::vector<TokenPiece>& pieces) {
  std::string out;
  for (const TokenPiece& piece : pieces) {
    const char* kind = piece.kind == TokenKind::context ? "c" : piece.kind == TokenKind::trained ? "t" : "e";
    const std::string weight = piece.kind == TokenKind::context || piece.weight == 1
                                   ? ""
                                   : fmt::format(", weight {:g}", piece.weight);
    out += fmt::format("<span class=\"{}\" title=\"{}{}\">{}</span>", kind, fmt::join(piece.ids, " "), weight,
                       escape_html(visible(piece.text)));
  }
  return out;
}

}  // namespace keel
