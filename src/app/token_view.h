// An example as a person reads it: its tokens as text, each marked as context, trained or end of turn.
// Characters that cannot be seen are shown by signs (⏎ ⇥ · ␛ <U+200B>), so nothing in the text reaches the
// terminal as it is.
#pragma once

#include <string>
#include <vector>

#include "data/example.h"
#include "text/tokenizer.h"

namespace keel {

enum class TokenKind { context, trained, end_of_turn };

// The text of one token, or of the few that share a character.
struct TokenPiece {
  std::string text;  // as decoded
  std::vector<int32_t> ids;
  TokenKind kind = TokenKind::context;
  float weight = 0;
};

std::vector<TokenPiece> token_pieces(const Example& example, const Tokenizer& tokenizer);

std::string visible(std::string_view text);

// "file:7 · 70 tokens, 13 trained, 2 ends of turn"
std::string token_counts(const Example& example);

// On a terminal in colours; elsewhere {+trained+} and {!end of turn!}, with the weight where it is not 1.
std::string terminal_view(const std::vector<TokenPiece>& pieces, bool colour);
std::string terminal_legend(bool colour);

// Spans of the classes c, t and e, one a token, its ids as title.
std::string html_view(const std::vector<TokenPiece>& pieces);

}  // namespace keel
