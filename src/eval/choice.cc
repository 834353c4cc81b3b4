#include "eval/choice.h"

#include <algorithm>

#include "text/conversation_mask.h"

namespace keel {
namespace {

std::string letter(size_t choice) { return {static_cast<char>('A' + choice)}; }

}  // namespace

Example reply_row(const ChatModel& model, Json messages, const std::string& reply) {
  messages.push_back({{"role", "assistant"}, {"content", reply}});
  EncodedChat chat = encode_conversation(model.chat_template, model.tokenizer, messages).back();
  Example row{.ids = std::move(chat.ids), .turn = std::move(chat.turn), .end_of_turn = chat.is_end_of_turn};
  int32_t last = 0;
  for (const int32_t turn : row.turn) last = std::max(last, turn);
  for (size_t t = 0; t < row.ids.size(); ++t)
    row.weight.push_back(t > 0 && row.turn[t] == last ? 1.0F : 0.0F);
  return row;
}

const std::vector<std::string>& choice_scores() {
  static const std::vector<std::string> kNames{"mean", "sum", "letter"};
  return kNames;
}

std::string letter_prompt(const Probe& probe) {
  std::string text = probe.prompt + "\n";
  const Json& choices = probe.spec["choices"];
  for (size_t c = 0; c < choices.size(); ++c) text += "\n" + letter(c) + ". " + choices[c].get<std::string>();
  return text + (probe.lang == "zh" ? "\n\n只用一个字母回答。" : "\n\nAnswer with one letter.");
}

std::vector<Example> choice_rows(const ChatModel& model, const Probe& probe, const std::string& score,
                                 const std::string& system) {
  const bool letters = score == "letter";
  const Json messages = user_message(letters ? letter_prompt(probe) : probe.prompt, system);
  std::vector<Example> rows;
  const Json& choices = probe.spec["choices"];
  for (size_t c = 0; c < choices.size(); ++c)
    rows.push_back(reply_row(model, messages, letters ? letter(c) : choices[c].get<std::string>()));
  return rows;
}

}  // namespace keel
