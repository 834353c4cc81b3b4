// A question and its answer under the names prompt or question, and completion, response or answer; "system"
// if there is one.
#include "corpus/readers/reader.h"

namespace keel {
namespace {

const char* first_of(const Json& row, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    if (has(row, key)) return key;
  }
  return nullptr;
}

const char* question_key(const Json& row) { return first_of(row, {"prompt", "question"}); }
const char* answer_key(const Json& row) { return first_of(row, {"completion", "response", "answer"}); }

bool knows_prompt_completion(const Json& row) { return question_key(row) != nullptr; }

MaybeFault read_prompt_completion(const Json& row, const ChatTags&, Record& record) {
  const char* question = question_key(row);
  const char* answer = answer_key(row);
  if (question == nullptr) return Fault{"prompt", "no such field", "text"};
  if (answer == nullptr) return Fault{"completion", "no such field", "text"};
  std::string system, user, reply;
  if (auto fault = take_optional(row, "system", "", system)) return fault;
  if (auto fault = take_text(row, question, "", user)) return fault;
  if (auto fault = take_text(row, answer, "", reply)) return fault;
  if (is_blank(user)) return Fault{question, "an empty text", "a question"};
  if (is_blank(reply)) return Fault{answer, "an empty text", "a reply"};
  Json messages = Json::array();
  add_message(messages, "system", std::move(system));
  add_message(messages, "user", std::move(user));
  add_message(messages, "assistant", std::move(reply));
  return finish_conversation(std::move(messages), answer, record);
}

}  // namespace

const RowReader kPromptReader{"prompt_completion", "prompt, completion", knows_prompt_completion,
                              read_prompt_completion};

}  // namespace keel
