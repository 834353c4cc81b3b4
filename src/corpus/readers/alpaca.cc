// {"instruction", "input", "output", "system", "history": [[question, answer], …]}. The user's message is
// instruction and input, each on a line of its own. In Belle's multi-turn rows the instruction holds the
// whole conversation, "Human:…\nAssistant:…\nHuman:…\nAssistant:", and the output its last reply.
#include <fmt/format.h>

#include "corpus/readers/reader.h"

namespace keel {
namespace {

bool knows_alpaca(const Json& row) { return has(row, "instruction"); }

MaybeFault add_history(const Json& row, Json& messages) {
  const auto history = row.find("history");
  if (history == row.end() || history->is_null()) return {};
  if (!history->is_array()) return Fault{"history", describe_value(*history), "a list of pairs"};
  for (size_t i = 0; i < history->size(); ++i) {
    const Json& pair = (*history)[i];
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() || !pair[1].is_string())
      return Fault{fmt::format("history[{}]", i), describe_value(pair), "a pair of question and answer"};
    add_message(messages, "user", pair[0]);
    add_message(messages, "assistant", pair[1]);
  }
  return {};
}

constexpr std::string_view kHuman = "Human:", kAssistant = "Assistant:";

bool is_belle(std::string_view instruction) {
  return instruction.starts_with(kHuman) && instruction.find("\nAssistant:") != std::string_view::npos;
}

MaybeFault add_belle_turns(std::string_view text, Json& messages) {
  bool human = true;
  for (;;) {
    text.remove_prefix((human ? kHuman : kAssistant).size());
    const size_t end = text.find(human ? "\nAssistant:" : "\nHuman:");
    std::string_view turn = text.substr(0, end);
    if (end == std::string_view::npos) {
      if (!human && is_blank(turn)) return {};
      return Fault{"instruction",
                   fmt::format("a conversation that ends with {}", human ? kHuman : kAssistant),
                   "Assistant: at its end, before the output"};
    }
    while (turn.starts_with(' ')) turn.remove_prefix(1);
    add_message(messages, human ? "user" : "assistant", std::string(turn));
    text.remove_prefix(end + 1);
    human = !human;
  }
}

MaybeFault read_alpaca(const Json& row, const ChatTags&, Record& record) {
  std::string system, instruction, input, output;
  if (auto fault = take_optional(row, "system", "", system)) return fault;
  if (auto fault = take_text(row, "instruction", "", instruction)) return fault;
  if (auto fault = take_optional(row, "input", "", input)) return fault;
  if (auto fault = take_text(row, "output", "", output)) return fault;
  if (is_blank(instruction) && is_blank(input)) return Fault{"instruction", "an empty text", "a question"};
  if (is_blank(output)) return Fault{"output", "an empty text", "a reply"};
  Json messages = Json::array();
  add_message(messages, "system", std::move(system));
  if (auto fault = add_history(row, messages)) return fault;
  if (is_belle(instruction)) {
    if (auto fault = add_belle_turns(instruction, messages)) return fault;
    add_message(messages, "assistant", std::move(output));
    return finish_conversation(std::move(messages), "instruction", record);
  }
  const bool both = !is_blank(instruction) && !is_blank(input);
  add_message(messages, "user", both ? instruction + "\n" + input : (is_blank(input) ? instruction : input));
  add_message(messages, "assistant", std::move(output));
  if (auto fault = take_tools(row, record.tools)) return fault;
  return finish_conversation(std::move(messages), "history", record);
}

}  // namespace

const RowReader kAlpacaReader{"alpaca", "instruction, output", knows_alpaca, read_alpaca};

}  // namespace keel
