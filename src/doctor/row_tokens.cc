#include "doctor/row_tokens.h"

#include <algorithm>
#include <set>

#include "base/parallel.h"

namespace keel {
namespace {

bool is_broken(const Tokenizer& tokenizer, int32_t id) {
  const std::string text = tokenizer.decode({&id, 1}, false);
  if (text.find("\xEF\xBF\xBD") != std::string::npos) return true;
  const std::string piece = tokenizer.id_to_token(id);
  return piece.size() == 6 && piece.starts_with("<0x") && piece.ends_with(">");
}

// 1 at ids that stand for bytes of a cut character, and at the unknown token.
std::vector<uint8_t> broken_ids(const EncodeContext& context, size_t threads) {
  const Tokenizer& tokenizer = context.tokenizer;
  std::vector<uint8_t> broken(static_cast<size_t>(tokenizer.max_id() + 1), 0);
  for_each_row(broken.size(), threads, [&](size_t id) {
    try {
      broken[id] = is_broken(tokenizer, static_cast<int32_t>(id));
    } catch (const std::exception&) {  // a gap in the vocabulary
    }
  });
  if (const auto unknown = context.chat_template.special().get("unk_token")) {
    const auto id = tokenizer.token_to_id(*unknown);
    const auto eos = context.chat_template.special().eos();
    if (id && unknown != eos) broken[static_cast<size_t>(*id)] = 1;  // GPT-2 calls its end of text so
  }
  return broken;
}

class RowCounter {
 public:
  RowCounter(const EncodeContext& context, size_t threads) : broken_(broken_ids(context, threads)) {
    if (const auto bos = context.chat_template.special().bos()) bos_ = context.tokenizer.token_to_id(*bos);
  }

  RowTokens count(const EncodedRow& row, bool chat) const {
    RowTokens out{.stats = row.stats};
    if (row.refused && row.stats.rejected > 0) out.refused = row.refused->found;
    for (const Example& e : row.examples) {
      const auto first_other = std::ranges::find_if(e.ids, [&](int32_t id) { return id != bos_; });
      if (bos_) out.leading_bos = std::max<int64_t>(out.leading_bos, first_other - e.ids.begin());
      for (const int32_t id : e.ids) out.broken_tokens += broken_[static_cast<size_t>(id)];
      if (!chat) continue;
      const TurnEnds ends = count_turn_ends(e);
      out.chat_turns += ends.turns;
      out.ended_turns += ends.ended;
    }
    return out;
  }

 private:
  std::vector<uint8_t> broken_;
  std::optional<int32_t> bos_;
};

}  // namespace

TurnEnds count_turn_ends(const Example& e) {
  std::set<int32_t> turns, ended;
  for (size_t t = 0; t < e.ids.size(); ++t) {
    if (e.weight[t] == 0) continue;
    turns.insert(e.turn[t]);
    if (e.end_of_turn[t] != 0) ended.insert(e.turn[t]);
  }
  return {.turns = static_cast<int64_t>(turns.size()), .ended = static_cast<int64_t>(ended.size())};
}

std::vector<RowTokens> tokenise_rows(const std::vector<Record>& records, const EncodeContext& context,
                                     size_t threads) {
  const RowCounter counter(context, threads);
  std::vector<RowTokens> out(records.size());
  for_each_row(records.size(), threads, [&](size_t i) {
    const Record& record = records[i];
    const bool chat = !record.messages.empty();
    out[i] = counter.count(chat ? encode_chat(record, context) : encode_text(record, context), chat);
  });
  return out;
}

}  // namespace keel
