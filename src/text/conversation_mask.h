// A conversation as token ids which know what the assistant said: the place where chat masks come from.
//
// A reply is found by rendering the template turn by turn (or from its {% generation %} blocks), never by
// searching for a text: the conversation before the reply with the generation prompt, against the same with
// the reply. The whole text is tokenised at once, apart where a token would reach over the beginning of a
// reply; a token belongs to a reply if it begins inside it. The reply's end-of-turn token belongs to it, the
// line break behind that token does not.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace keel {

struct ConversationOptions {
  Json tools = {};  // as in RenderOptions
  Json vars = {};
};

struct EncodedChat {
  std::vector<int32_t> ids;
  std::vector<int32_t> turn;            // index of the assistant turn, -1: context
  std::vector<uint8_t> is_end_of_turn;  // 1 at the special token that ends a turn
};

// Usually one chat that holds all turns. A template that renders earlier turns differently once more follows
// (thinking is removed) gives one chat for each assistant turn, in which only this turn is no context: what
// is trained is then what the model will see and say. Messages without an assistant turn give one chat of
// context. A BOS that the template does not write but the tokenizer's post-processor would is put in front
// once.
std::vector<EncodedChat> encode_conversation(const ChatTemplate& chat_template, const Tokenizer& tokenizer,
                                             const Messages& messages,
                                             const ConversationOptions& options = {});

// The ids after which the model is to answer: the messages with the generation prompt, with the same rule for
// the BOS.
std::vector<int32_t> encode_prompt(const ChatTemplate& chat_template, const Tokenizer& tokenizer,
                                   const Messages& messages, const ConversationOptions& options = {});

// The token with which the template ends a reply; none when it ends in plain text.
std::optional<int32_t> end_of_turn_id(const ChatTemplate& chat_template, const Tokenizer& tokenizer);

}  // namespace keel
