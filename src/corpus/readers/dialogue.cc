// {"history": ["user's words", "assistant's words", …]}: a whole dialogue as a list of texts, the user's
// first. When every text begins with one of two marks such as "[client]", the marks say who speaks and are
// left out; what one speaker says in several texts is one message. Else the speakers take turns.
#include <fmt/format.h>

#include "corpus/readers/reader.h"

namespace keel {
namespace {

bool knows_dialogue(const Json& row) {
  return has(row, "history") && row["history"].is_array() && !row["history"].empty() &&
         row["history"][0].is_string();
}

std::string mark_of(const std::string& text) {
  const size_t end = text.find(']');
  return text.starts_with('[') && end != std::string::npos ? text.substr(0, end + 1) : std::string();
}

// Of each text whether it is the user's; empty when the texts do not bear two marks.
std::vector<bool> speakers_by_mark(const std::vector<std::string>& texts) {
  const std::string user = texts.empty() ? "" : mark_of(texts[0]);
  std::string other;
  std::vector<bool> is_user;
  for (const std::string& text : texts) {
    const std::string mark = mark_of(text);
    if (mark.empty()) return {};
    if (mark != user && other.empty()) other = mark;
    if (mark != user && mark != other) return {};
    is_user.push_back(mark == user);
  }
  return other.empty() ? std::vector<bool>{} : is_user;
}

std::string without_mark(const std::string& text) {
  const std::string rest = text.substr(mark_of(text).size());
  return rest.starts_with(' ') ? rest.substr(1) : rest;
}

MaybeFault read_dialogue(const Json& row, const ChatTags&, Record& record) {
  const auto history = row.find("history");
  if (history == row.end() || !history->is_array())
    return Fault{"history", "no such field", "a list of texts"};
  std::vector<std::string> texts;
  for (size_t i = 0; i < history->size(); ++i) {
    if (!(*history)[i].is_string())
      return Fault{fmt::format("history[{}]", i), describe_value((*history)[i]), "text"};
    texts.push_back((*history)[i].get<std::string>());
  }
  std::string system;
  if (auto fault = take_optional(row, "system", "", system)) return fault;
  Json messages = Json::array();
  add_message(messages, "system", std::move(system));
  const std::vector<bool> marked = speakers_by_mark(texts);
  for (size_t i = 0; i < texts.size(); ++i) {
    if (marked.empty()) {
      add_message(messages, i % 2 == 0 ? "user" : "assistant", texts[i]);
    } else if (i > 0 && marked[i] == marked[i - 1]) {
      messages.back()["content"] =
          messages.back()["content"].get<std::string>() + "\n" + without_mark(texts[i]);
    } else {
      add_message(messages, marked[i] ? "user" : "assistant", without_mark(texts[i]));
    }
  }
  return finish_conversation(std::move(messages), "history", record);
}

}  // namespace

const RowReader kDialogueReader{"dialogue", "history", knows_dialogue, read_dialogue};

}  // namespace keel
