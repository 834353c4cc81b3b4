// {"history": ["user's words", "assistant's words", …]}: a whole dialogue as a list of texts, the user's
// first. A mark such as "[client] " before each speaker's texts is left out when all of that speaker's have
// it.
#include <fmt/format.h>

#include "corpus/readers/reader.h"

namespace keel {
namespace {

bool knows(const Json& row) {
  return has(row, "history") && row["history"].is_array() && !row["history"].empty() &&
         row["history"][0].is_string();
}

std::string mark_of(const std::string& text) {
  const size_t end = text.find(']');
  return text.starts_with('[') && end != std::string::npos ? text.substr(0, end + 1) : std::string();
}

// The mark of every second text from `first`; empty unless all have the same.
std::string common_mark(const std::vector<std::string>& texts, size_t first) {
  if (first >= texts.size()) return {};
  const std::string mark = mark_of(texts[first]);
  for (size_t i = first; i < texts.size(); i += 2) {
    if (mark_of(texts[i]) != mark) return {};
  }
  return mark;
}

MaybeFault read(const Json& row, const ChatTags&, Record& record) {
  const auto history = row.find("history");
  if (history == row.end() || !history->is_array())
    return Fault{"history", "no such field", "a list of texts"};
  std::vector<std::string> texts;
  for (size_t i = 0; i < history->size(); ++i) {
    if (!(*history)[i].is_string())
      return Fault{fmt::format("history[{}]", i), describe_value((*history)[i]), "text"};
    texts.push_back((*history)[i].get<std::string>());
  }
  const std::string marks[2] = {common_mark(texts, 0), common_mark(texts, 1)};
  std::string system;
  if (auto fault = take_optional(row, "system", "system", system)) return fault;
  Json messages = Json::array();
  add_message(messages, "system", std::move(system));
  for (size_t i = 0; i < texts.size(); ++i) {
    std::string text = texts[i].substr(marks[i % 2].size());
    if (!marks[i % 2].empty() && text.starts_with(' ')) text.erase(0, 1);
    add_message(messages, i % 2 == 0 ? "user" : "assistant", std::move(text));
  }
  return finish_conversation(std::move(messages), "history", record);
}

}  // namespace

const RowReader kDialogueReader{"dialogue", "history", knows, read};

}  // namespace keel
