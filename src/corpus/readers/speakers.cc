// {"turns": [{"speaker", "text"}]}: a talk of two, whatever they are called. The assistant is the one whose
// name says so, or whose partner's says "user"; else the second to speak. What one of them says in several
// turns is one message. Turns of the assistant at the beginning answer nothing and are left out.
#include <fmt/format.h>

#include <algorithm>

#include "corpus/readers/reader.h"

namespace keel {
namespace {

struct Turn {
  std::string speaker, text;
};

bool knows_speakers(const Json& row) {
  const auto turns = row.find("turns");
  return turns != row.end() && turns->is_array() && !turns->empty() && turns->front().is_object() &&
         has(turns->front(), "speaker");
}

bool is_one_of(std::string name, std::initializer_list<std::string_view> names) {
  std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  return std::ranges::find(names, name) != names.end();
}

bool named_user(const std::string& name) {
  return is_one_of(name, {"user", "human", "customer", "client", "caller", "patient", "seeker", "用户",
                          "客户", "顾客", "患者"});
}

bool named_assistant(const std::string& name) {
  return is_one_of(name, {"assistant", "agent", "bot", "system", "operator", "advisor", "doctor", "wizard",
                          "助手", "客服", "坐席", "医生"});
}

MaybeFault take_turns(const Json& row, std::vector<Turn>& turns) {
  const auto found = row.find("turns");
  if (found == row.end()) return Fault{"turns", "no such field", "a list of turns"};
  if (!found->is_array()) return Fault{"turns", describe_value(*found), "a list of turns"};
  for (size_t i = 0; i < found->size(); ++i) {
    const std::string path = element_path("turns", i);
    const Json& turn = (*found)[i];
    if (!turn.is_object()) return Fault{path, describe_value(turn), "an object with speaker and text"};
    Turn& out = turns.emplace_back();
    if (auto fault = take_text(turn, "speaker", path, out.speaker)) return fault;
    if (auto fault = take_text(turn, "text", path, out.text)) return fault;
    if (is_blank(out.text)) return Fault{path + ".text", "an empty text", "what the speaker says"};
  }
  return {};
}

MaybeFault find_partner(const std::vector<Turn>& turns, std::string& partner) {
  for (size_t i = 0; i < turns.size(); ++i) {
    const std::string& speaker = turns[i].speaker;
    if (speaker == turns[0].speaker || speaker == partner) continue;
    if (!partner.empty())
      return Fault{element_path("turns", i) + ".speaker", fmt::format("a third speaker, \"{}\"", speaker),
                   fmt::format("\"{}\" or \"{}\"", turns[0].speaker, partner)};
    partner = speaker;
  }
  return {};
}

MaybeFault read_speakers(const Json& row, const ChatTags&, Record& record) {
  std::vector<Turn> turns;
  if (auto fault = take_turns(row, turns)) return fault;
  std::string partner;
  if (auto fault = find_partner(turns, partner)) return fault;
  if (partner.empty()) return Fault{"turns", "one speaker", "two"};
  const std::string& first = turns[0].speaker;
  const std::string& user = named_assistant(first) || named_user(partner) ? partner : first;
  Json messages = Json::array();
  const Turn* before = nullptr;
  for (Turn& turn : turns) {
    if (messages.empty() && turn.speaker != user) continue;
    if (before != nullptr && before->speaker == turn.speaker)
      messages.back()["content"].get_ref<std::string&>() += "\n" + turn.text;
    else
      add_message(messages, turn.speaker == user ? "user" : "assistant", std::move(turn.text));
    before = &turn;
  }
  return finish_conversation(std::move(messages), "turns", record);
}

}  // namespace

const RowReader kSpeakersReader{"speakers", "turns", knows_speakers, read_speakers};

}  // namespace keel
