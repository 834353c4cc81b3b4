#include "data/encode.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "text/conversation_mask.h"

namespace keel {
namespace {

int64_t length_of(const EncodedChat& chat) { return static_cast<int64_t>(chat.ids.size()); }

// A conversation as templates see it, and the weights of its assistant turns, which they must not see.
class Conversation {
 public:
  Conversation(const Record& record, const EncodeContext& context)
      : context_(context), record_(record), messages_(record.messages) {
    const double unmarked = context.train_on == "per_message" ? 0.0 : 1.0;
    for (Json& message : messages_) {
      if (message["role"] == "assistant") weights_.push_back(message.value("weight", unmarked));
      message.erase("weight");
    }
    if (context.train_on == "last" && !weights_.empty()) std::fill(weights_.begin(), weights_.end() - 1, 0.0);
    if (context.default_system.empty() || starts_with_system()) return;
    messages_.insert(messages_.begin(), Json{{"role", "system"}, {"content", context.default_system}});
  }

  std::vector<EncodedChat> encode() const {
    return encode_conversation(context_.chat_template, context_.tokenizer, messages_,
                               {.tools = record_.tools});
  }

  size_t turns() const { return weights_.size(); }
  bool trains(size_t turn) const { return weights_[turn] != 0 && record_.weight != 0; }
  bool trains_any() const {
    return record_.weight != 0 && std::ranges::any_of(weights_, [](double w) { return w != 0; });
  }

  // The messages up to and with assistant turn `turn`, of which only this one is trained.
  Conversation up_to(size_t turn) const {
    Conversation part = *this;
    size_t seen = 0, end = 0;
    while (seen <= turn) seen += messages_[end++]["role"] == "assistant";
    while (part.messages_.size() > end) part.messages_.erase(part.messages_.size() - 1);
    part.weights_.resize(turn + 1);
    std::fill(part.weights_.begin(), part.weights_.end() - 1, 0.0);
    return part;
  }

  // Takes the oldest question and all that follows it up to the next one away. False: there is only one.
  bool drop_oldest(DataStats& stats) {
    const size_t begin = starts_with_system() ? 1 : 0;
    size_t end = begin + 1;
    while (end < messages_.size() && messages_[end]["role"] != "user") ++end;
    if (end >= messages_.size()) return false;
    for (size_t i = begin; i < end; ++i) {
      const bool reply = messages_[begin]["role"] == "assistant";
      if (reply && weights_.front() != 0) ++stats.cut_replies;
      if (reply) weights_.erase(weights_.begin());
      messages_.erase(begin);
      ++stats.cut_turns;
    }
    return true;
  }

  Example example(EncodedChat chat) const {
    Example e{.ids = std::move(chat.ids), .turn = std::move(chat.turn), .place = record_.place};
    e.weight.assign(e.ids.size(), 0.0F);
    e.end_of_turn.assign(e.ids.size(), 0);
    std::vector<int64_t> labels(weights_.size(), 0);  // of each turn so far
    for (size_t t = 1; t < e.ids.size(); ++t) {
      if (e.turn[t] < 0) continue;
      const int64_t label = ++labels.at(static_cast<size_t>(e.turn[t]));
      if (context_.max_turn_tokens > 0 && label > context_.max_turn_tokens) continue;
      e.weight[t] = static_cast<float>(record_.weight * weights_.at(static_cast<size_t>(e.turn[t])));
      e.end_of_turn[t] = e.weight[t] != 0 ? chat.is_end_of_turn[t] : 0;
    }
    return e;
  }

 private:
  bool starts_with_system() const { return !messages_.empty() && messages_.front()["role"] == "system"; }

  const EncodeContext& context_;
  const Record& record_;
  Json messages_;
  std::vector<double> weights_;
};

[[noreturn]] void throw_too_long(const std::string& place, int64_t tokens, const char* option,
                                 int64_t limit) {
  throw UserError({.where = place,
                   .found = fmt::format("a row of {} tokens", tokens),
                   .wanted = fmt::format("at most {} ({})", limit, option),
                   .hint = "raise the limit, or choose another overlength"});
}

int64_t trained_turns(const Example& e) {
  int64_t turns = 0;
  int32_t last = -1;
  for (size_t t = 0; t < e.ids.size(); ++t) {
    if (e.weight[t] == 0 || e.turn[t] == last) continue;
    last = e.turn[t];
    ++turns;
  }
  return turns;
}

// Turns that max_turn_tokens has cut, and the tokens behind the cut.
void count_capped(const Example& e, DataStats& stats) {
  int32_t trained = -1, capped = -1;
  for (size_t t = 1; t < e.ids.size(); ++t) {
    if (e.turn[t] < 0) continue;
    if (e.weight[t] != 0) {
      trained = e.turn[t];
    } else if (e.turn[t] == trained) {
      ++stats.capped_tokens;
      stats.capped_turns += trained != capped ? 1 : 0;
      capped = trained;
    }
  }
}

// Whether a question stands before the first reply: more than one token (the first is no label in any case),
// not only special ones. Without that the mask is all ones.
bool has_context(const EncodedChat& chat, const Tokenizer& tokenizer) {
  bool text = false;
  size_t t = 0;
  for (; t < chat.ids.size() && chat.turn[t] < 0; ++t) text = text || !tokenizer.is_special(chat.ids[t]);
  return t > 1 && text;
}

// What is wrong with the masks of a conversation that has something to train.
std::optional<Rejection> mask_fault(const std::vector<EncodedChat>& chats, const std::vector<Example>& whole,
                                    const EncodeContext& context) {
  const std::string& place = whole.front().place;
  if (std::ranges::all_of(whole, [](const Example& e) { return e.supervised() == 0; }))
    return Rejection{place, "", "the chat template renders nothing of the replies", "replies to train"};
  const auto bare = [&](const EncodedChat& chat) { return !has_context(chat, context.tokenizer); };
  if (std::ranges::any_of(chats, bare))
    return Rejection{place, "",
                     "the chat template renders nothing before the first reply: every token would be trained",
                     "a question before the reply"};
  return {};
}

Rejection nothing_to_train(const Record& record, const EncodeContext& context) {
  if (record.weight == 0) return {record.place, "weight", "0", "a weight above 0"};
  if (context.train_on == "per_message")
    return {record.place, "messages", "no reply marked for train_on: per_message",
            "a reply with train: true or a weight above 0"};
  return {record.place, "messages", fmt::format("weight 0 at every reply of train_on: {}", context.train_on),
          "a reply with a weight above 0"};
}

// Appends the chat's examples that fit. `last_only`: of a template that changes earlier turns, encode() gives
// one chat a turn, and the last is the one that is wanted.
void add_fitting(Conversation conversation, bool last_only, const EncodeContext& context, EncodedRow& row) {
  while (true) {
    std::vector<EncodedChat> chats = conversation.encode();
    if (length_of(chats.back()) <= context.cutoff_len) {
      if (last_only) chats.erase(chats.begin(), chats.end() - 1);
      for (EncodedChat& chat : chats) row.examples.push_back(conversation.example(std::move(chat)));
      return;
    }
    if (context.overlength != "drop_oldest_turns" || !conversation.drop_oldest(row.stats)) return;
  }
}

void fill_stats(EncodedRow& row) {
  for (const Example& e : row.examples) {
    row.stats.tokens += e.size();
    row.stats.supervised += e.supervised();
    row.stats.turns += trained_turns(e);
    count_capped(e, row.stats);
  }
  row.stats.examples = static_cast<int64_t>(row.examples.size());
}

int64_t labels_of(const std::vector<Example>& examples) {
  int64_t labels = 0;
  for (const Example& e : examples) labels += e.supervised();
  return labels;
}

// Examples of a conversation that is too long as it stands.
void shorten(const Conversation& conversation, bool one_chat, const EncodeContext& context, EncodedRow& row) {
  row.stats.over_long = 1;
  if (context.overlength == "error") return;
  if (one_chat) {
    add_fitting(conversation, false, context, row);
  } else {
    for (size_t t = 0; t < conversation.turns(); ++t) {
      if (conversation.trains(t)) add_fitting(conversation.up_to(t), true, context, row);
    }
  }
  if (row.examples.empty())
    row.stats = {.rows = 1, .longest = row.stats.longest, .over_long = 1, .dropped = 1};
}

void encode_messages(const Record& record, const EncodeContext& context, EncodedRow& row) {
  const Conversation conversation(record, context);
  const std::vector<EncodedChat> chats = conversation.encode();
  std::vector<Example> whole;
  for (const EncodedChat& chat : chats) {
    row.stats.longest = std::max(row.stats.longest, length_of(chat));
    whole.push_back(conversation.example(chat));
  }
  if (!conversation.trains_any()) {
    row.stats.no_label = 1;
    row.refused = nothing_to_train(record, context);
    return;
  }
  if (auto fault = mask_fault(chats, whole, context)) {
    row = {.examples = {}, .stats = {.rejected = 1}, .refused = std::move(fault)};
    return;
  }
  if (chats.size() > 1) row.stats.one_turn_a_sample = 1;
  const int64_t wanted = labels_of(whole);
  if (row.stats.longest <= context.cutoff_len)
    row.examples = std::move(whole);
  else
    shorten(conversation, chats.size() == 1, context, row);
  std::erase_if(row.examples, [](const Example& e) { return e.supervised() == 0; });
  const int64_t left = labels_of(row.examples);
  row.stats.lost_supervised = wanted - left;
  if (row.examples.size() > 1) {
    for (Example& e : row.examples) e.conversation_supervised = left;
  }
}

std::vector<int32_t> text_ids(const Record& record, const EncodeContext& context) {
  std::vector<int32_t> ids = context.tokenizer.encode(record.text, true);
  const SpecialTokens& special = context.chat_template.special();
  std::optional<int32_t> eos;
  if (special.eos()) eos = context.tokenizer.token_to_id(*special.eos());
  if (!eos && !special.eos_ids.empty()) eos = special.eos_ids.front();
  if (eos && (ids.empty() || ids.back() != *eos)) ids.push_back(*eos);
  return ids;
}

Example text_piece(std::vector<int32_t> ids, const Record& record) {
  Example e{.ids = std::move(ids), .place = record.place};
  e.weight.assign(e.ids.size(), static_cast<float>(record.weight));
  e.weight.front() = 0;
  e.turn.assign(e.ids.size(), 0);
  e.end_of_turn.assign(e.ids.size(), 0);
  return e;
}

}  // namespace

EncodeContext encode_context(const Tokenizer& tokenizer, const ChatTemplate& chat_template,
                             const DataOptions& o) {
  return {.tokenizer = tokenizer,
          .chat_template = chat_template,
          .default_system = o.default_system,
          .cutoff_len = o.cutoff_len,
          .pack_length = o.pack_length > 0 ? o.pack_length : o.cutoff_len,
          .overlength = o.overlength,
          .train_on = o.train_on,
          .max_turn_tokens = o.max_turn_tokens};
}

EncodedRow encode_chat(const Record& record, const EncodeContext& context) {
  EncodedRow row{.stats = {.rows = 1}};
  try {
    encode_messages(record, context, row);
  } catch (const RunawayTemplate&) {
    throw;
  } catch (const UserError& e) {
    return {.stats = {.rejected = 1},
            .refused = Rejection{record.place, "", e.text().found, "messages that the chat template takes"}};
  }
  if (row.stats.over_long > 0 && context.overlength == "error")
    throw_too_long(record.place, row.stats.longest, "cutoff_len", context.cutoff_len);
  fill_stats(row);
  return row;
}

EncodedRow encode_text(const Record& record, const EncodeContext& context) {
  EncodedRow row{.stats = {.rows = 1}};
  const std::vector<int32_t> ids = text_ids(record, context);
  const auto size = static_cast<int64_t>(ids.size());
  row.stats.longest = size;
  if (size > context.pack_length) {
    row.stats.over_long = 1;
    if (context.overlength == "error") throw_too_long(record.place, size, "pack_length", context.pack_length);
    row.stats.dropped = context.overlength == "drop" ? 1 : 0;
  }
  if (row.stats.dropped > 0) {
    row.stats.lost_supervised = size - 1;
    return row;
  }
  for (int64_t begin = 0; begin + 1 < size; begin += context.pack_length - 1) {
    const int64_t end = std::min(size, begin + context.pack_length);
    row.examples.push_back(text_piece({ids.begin() + begin, ids.begin() + end}, record));
  }
  if (record.weight == 0) row.examples.clear();
  row.stats.no_label = row.examples.empty() ? 1 : 0;
  fill_stats(row);
  return row;
}

}  // namespace keel
