// One row as examples: chats through the template, plain texts as they are.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "corpus/record.h"
#include "corpus/rejection.h"
#include "data/example.h"
#include "data/options.h"
#include "data/stats.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace keel {

struct EncodeContext {
  const Tokenizer& tokenizer;
  const ChatTemplate& chat_template;
  std::string default_system = {};               // put before a chat that has no system message
  int64_t cutoff_len = 2048;                     // longest chat in tokens
  int64_t pack_length = 2048;                    // longest piece of a text in tokens
  std::string overlength = "drop_oldest_turns";  // docs of DataOptions
  std::string train_on = "all";                  // all | last | per_message
  int64_t max_turn_tokens = 0;                   // labels of a turn from its beginning on; 0: all
};

// As the options say.
EncodeContext encode_context(const Tokenizer& tokenizer, const ChatTemplate& chat_template,
                             const DataOptions& options);

struct EncodedRow {
  std::vector<Example> examples;     // each with a label; none: nothing to train, or dropped
  DataStats stats;                   // of this row alone
  std::optional<Rejection> refused;  // why nothing of it is trained. stats.rejected: a bad row;
                                     // stats.no_label: the user's weights, or train_on, leave nothing
};

// The assistant turns that train_on names are labels, with their end-of-turn tokens, except those with weight
// 0 (per_message: without a weight); a label's weight is the message's times the row's. Bad rows: the
// template refuses the messages, renders nothing of the replies, or nothing before them. A turn of more than
// max_turn_tokens has labels at its first ones only, so not at its end of turn. Too long: drop_oldest_turns
// takes the oldest question and what answers it away (the system message stays) until the rest fits; a row
// whose last turn alone is too long is dropped. A reply is never cut. UserError with overlength: error.
EncodedRow encode_chat(const Record& record, const EncodeContext& context);

// Every token but the first is a label; the tokenizer's end of text stands at the end. A text longer than
// pack_length comes in pieces (one example each), which share one token at each seam, so that no label is
// lost.
EncodedRow encode_text(const Record& record, const EncodeContext& context);

}  // namespace keel
