#include "text/conversation_mask.h"

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace keel {
namespace {

// One assistant turn: the conversation up to and with it, and where in it the reply stands.
struct Turn {
  std::string text;
  std::vector<Span> reply;
  std::string_view content;  // the message's own text, empty if it is none; lives in the caller's messages
};

constexpr std::string_view kBlank = " \t\n\r\f\v";

std::string_view without_trailing_blank(std::string_view text) {
  return text.substr(0, text.find_last_not_of(kBlank) + 1);
}

size_t common_length(std::string_view a, std::string_view b) {
  return static_cast<size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

// Renders beginnings of a conversation and finds the replies in them.
class TurnFinder {
 public:
  TurnFinder(const ChatTemplate& chat_template, const Messages& messages, const ConversationOptions& options)
      : chat_template_(chat_template), messages_(messages), options_(options) {}

  std::vector<Turn> find() const {
    std::vector<Turn> turns;
    size_t seen_blocks = 0;
    for (size_t i = 0; i < messages_.size(); ++i) {
      if (!is_assistant(messages_[i])) continue;
      Rendered rendered = render(i + 1, false);
      Turn turn{.text = std::move(rendered.text), .reply = {}, .content = content_of(messages_[i])};
      // Only assistant turns write {% generation %} blocks, so those beyond the ones before are this turn's.
      for (; seen_blocks < rendered.generation.size(); ++seen_blocks) {
        turn.reply.push_back(rendered.generation[seen_blocks]);
      }
      if (turn.reply.empty()) turn.reply = {{reply_begin(i, turn.text), turn.text.size()}};
      turns.push_back(std::move(turn));
    }
    return turns;
  }

  Rendered render(size_t n_messages, bool add_generation_prompt) const {
    Messages beginning = Json::array();
    for (size_t i = 0; i < n_messages; ++i) beginning.push_back(messages_[i]);
    return chat_template_.render(beginning, render_options(add_generation_prompt));
  }

 private:
  static bool is_assistant(const Json& message) {
    return message.is_object() && message.contains("role") && message["role"] == "assistant";
  }

  static std::string_view content_of(const Json& message) {
    if (!message.contains("content") || !message["content"].is_string()) return {};
    return message["content"].get_ref<const std::string&>();
  }

  RenderOptions render_options(bool add_generation_prompt) const {
    return {.add_generation_prompt = add_generation_prompt, .tools = options_.tools, .vars = options_.vars};
  }

  // Where the reply of message i begins in `text`, the conversation rendered up to and with it.
  size_t reply_begin(size_t i, std::string_view text) const {
    std::string prompt;
    try {
      prompt = render(i, true).text;
    } catch (const UserError&) {
      return begin_by_other_reply(i, text);  // some templates cannot render a conversation without a reply
    }
    if (text.starts_with(prompt)) return prompt.size();
    // The prompt goes another way than this reply (it opens an empty thinking block, say): the reply begins
    // with the line in which they part.
    const size_t common = common_length(text, prompt);
    const size_t line = text.substr(0, common).rfind('\n') + 1;  // 0 without a line break
    const std::string before = render(i, false).text;
    return text.starts_with(before) ? std::max(line, std::min(before.size(), common)) : line;
  }

  // The reply begins where the text parts from that with another reply, one that differs from the first byte
  // on.
  size_t begin_by_other_reply(size_t i, std::string_view text) const {
    Messages other = Json::array();
    for (size_t k = 0; k <= i; ++k) other.push_back(messages_[k]);
    const std::string_view content = content_of(messages_[i]);
    other[i]["content"] = content.starts_with('x') ? "y" : "x";
    return common_length(text, chat_template_.render(other, render_options(false)).text);
  }

  const ChatTemplate& chat_template_;
  const Messages& messages_;
  const ConversationOptions& options_;
};

// The places among `begins` (ascending) that lie inside a token.
std::vector<size_t> inside_tokens(const Tokenizer::Encoding& encoding, const std::vector<size_t>& begins) {
  std::vector<size_t> inside;
  for (const size_t at : begins) {
    const auto next = std::lower_bound(encoding.begin_byte.begin(), encoding.begin_byte.end(), at);
    if (next == encoding.begin_byte.begin()) continue;
    if (encoding.end_byte[static_cast<size_t>(next - encoding.begin_byte.begin()) - 1] > at)
      inside.push_back(at);
  }
  return inside;
}

// Tokenises the whole text at once, and once more in pieces where a token would reach over the beginning of a
// reply (two line breaks as one token, say): the model that answers a prompt cannot write half a token.
Tokenizer::Encoding encode_with_replies(const Tokenizer& tokenizer, std::string_view text,
                                        const std::vector<size_t>& begins) {
  Tokenizer::Encoding whole = tokenizer.encode_with_offsets(text);
  std::vector<size_t> ends = inside_tokens(whole, begins);
  if (ends.empty()) return whole;
  ends.push_back(text.size());
  Tokenizer::Encoding pieces;
  size_t begin = 0;
  for (const size_t end : ends) {
    const Tokenizer::Encoding piece = tokenizer.encode_with_offsets(text.substr(begin, end - begin));
    pieces.ids.insert(pieces.ids.end(), piece.ids.begin(), piece.ids.end());
    for (const uint32_t at : piece.begin_byte) pieces.begin_byte.push_back(static_cast<uint32_t>(begin + at));
    for (const uint32_t at : piece.end_byte) pieces.end_byte.push_back(static_cast<uint32_t>(begin + at));
    begin = end;
  }
  return pieces;
}

// Tokenises a rendered conversation and marks turns in it.
class TurnMarker {
 public:
  TurnMarker(const Tokenizer& tokenizer, const SpecialTokens& special, std::string_view text,
             std::span<const Turn> turns)
      : tokenizer_(tokenizer), stop_ids_(special.stop_ids(tokenizer)), text_(text) {
    std::vector<size_t> begins;
    for (const Turn& turn : turns) begins.push_back(turn.reply.front().begin);
    Tokenizer::Encoding encoding = encode_with_replies(tokenizer, text, begins);
    begin_ = std::move(encoding.begin_byte);
    end_ = std::move(encoding.end_byte);
    chat_.turn.assign(encoding.ids.size(), -1);
    chat_.is_end_of_turn.assign(encoding.ids.size(), 0);
    chat_.ids = std::move(encoding.ids);
  }

  void mark(const Turn& turn, int32_t index) {
    size_t last = kNone;
    for (const Span& span : turn.reply) {
      const auto first = std::lower_bound(begin_.begin(), begin_.end(), span.begin);
      for (size_t k = static_cast<size_t>(first - begin_.begin()); k < begin_.size() && begin_[k] < span.end;
           ++k) {
        chat_.turn[k] = index;
        last = k;
      }
    }
    if (last != kNone) close(turn, index, last);
  }

  EncodedChat take() { return std::move(chat_); }

 private:
  static constexpr size_t kNone = static_cast<size_t>(-1);

  bool is_marker(size_t k) const {
    const int32_t id = chat_.ids[k];
    return tokenizer_.is_special(id) || std::binary_search(stop_ids_.begin(), stop_ids_.end(), id);
  }

  bool is_blank(size_t k) const {
    return without_trailing_blank(text_.substr(begin_[k], end_[k] - begin_[k])).empty();
  }

  // Lets the turn end with its end-of-turn token: without the blanks behind it, and with it where a
  // {% generation %} block stops short of it.
  void close(const Turn& turn, int32_t index, size_t last) {
    size_t k = last;
    while (k > 0 && chat_.turn[k - 1] == index && !is_marker(k) && is_blank(k)) --k;
    if (is_marker(k)) {
      cut_behind(k, last);
      chat_.is_end_of_turn[k] = 1;
      return;
    }
    const size_t next = last + 1;
    if (next < chat_.ids.size() && begin_[next] < turn.text.size() && is_marker(next)) {
      chat_.turn[next] = index;
      chat_.is_end_of_turn[next] = 1;
      return;
    }
    // The template ends a turn in plain text. Blanks count where they are all that ends it.
    const bool only_blanks_end_it =
        without_trailing_blank(turn.text).ends_with(without_trailing_blank(turn.content));
    if (!only_blanks_end_it && !is_blank(k)) cut_behind(k, last);
  }

  void cut_behind(size_t k, size_t last) {
    std::fill(chat_.turn.begin() + static_cast<ptrdiff_t>(k) + 1,
              chat_.turn.begin() + static_cast<ptrdiff_t>(last) + 1, -1);
  }

  const Tokenizer& tokenizer_;
  std::vector<int32_t> stop_ids_;
  std::string_view text_;
  std::vector<uint32_t> begin_, end_;
  EncodedChat chat_;
};

// What the tokenizer's post-processor puts in front of a text: a BOS, or nothing.
std::vector<int32_t> prefix_ids(const Tokenizer& tokenizer) {
  constexpr std::string_view kProbe = "a";
  const std::vector<int32_t> plain = tokenizer.encode(kProbe, false);
  const std::vector<int32_t> whole = tokenizer.encode(kProbe, true);
  const auto body = std::search(whole.begin(), whole.end(), plain.begin(), plain.end());
  return {whole.begin(), body};
}

// The prefix that a rendered conversation still needs.
std::vector<int32_t> missing_prefix(const Tokenizer& tokenizer, const std::vector<int32_t>& ids) {
  std::vector<int32_t> prefix = prefix_ids(tokenizer);
  if (!prefix.empty() && !ids.empty() && ids.front() == prefix.front()) prefix.clear();
  return prefix;
}

EncodedChat with_prefix(const Tokenizer& tokenizer, EncodedChat chat) {
  const std::vector<int32_t> prefix = missing_prefix(tokenizer, chat.ids);
  chat.ids.insert(chat.ids.begin(), prefix.begin(), prefix.end());
  chat.turn.insert(chat.turn.begin(), prefix.size(), -1);
  chat.is_end_of_turn.insert(chat.is_end_of_turn.begin(), prefix.size(), 0);
  return chat;
}

}  // namespace

std::vector<EncodedChat> encode_conversation(const ChatTemplate& chat_template, const Tokenizer& tokenizer,
                                             const Messages& messages, const ConversationOptions& options) {
  const TurnFinder finder(chat_template, messages, options);
  const std::vector<Turn> turns = finder.find();
  const std::string whole = finder.render(messages.size(), false).text;
  const auto kept = [&](const Turn& turn) { return whole.starts_with(turn.text); };
  std::vector<EncodedChat> chats;
  if (std::all_of(turns.begin(), turns.end(), kept)) {
    TurnMarker marker(tokenizer, chat_template.special(), whole, turns);
    for (size_t i = 0; i < turns.size(); ++i) marker.mark(turns[i], static_cast<int32_t>(i));
    chats.push_back(with_prefix(tokenizer, marker.take()));
    return chats;
  }
  for (size_t i = 0; i < turns.size(); ++i) {
    TurnMarker marker(tokenizer, chat_template.special(), turns[i].text, std::span(turns).subspan(i, 1));
    marker.mark(turns[i], static_cast<int32_t>(i));
    chats.push_back(with_prefix(tokenizer, marker.take()));
  }
  return chats;
}

std::vector<int32_t> encode_prompt(const ChatTemplate& chat_template, const Tokenizer& tokenizer,
                                   const Messages& messages, const ConversationOptions& options) {
  const Rendered prompt = chat_template.render(
      messages, {.add_generation_prompt = true, .tools = options.tools, .vars = options.vars});
  std::vector<int32_t> ids = tokenizer.encode(prompt.text);
  const std::vector<int32_t> prefix = missing_prefix(tokenizer, ids);
  ids.insert(ids.begin(), prefix.begin(), prefix.end());
  return ids;
}

std::optional<int32_t> end_of_turn_id(const ChatTemplate& chat_template, const Tokenizer& tokenizer) {
  const Messages probe = {{{"role", "user"}, {"content", "a"}}, {{"role", "assistant"}, {"content", "b"}}};
  const EncodedChat chat = encode_conversation(chat_template, tokenizer, probe).front();
  for (size_t k = 0; k < chat.ids.size(); ++k) {
    if (chat.is_end_of_turn[k] != 0) return chat.ids[k];
  }
  return std::nullopt;
}

}  // namespace keel
