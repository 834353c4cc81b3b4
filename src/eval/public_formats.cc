// Public benchmark files: MMLU, CMMLU, C-Eval (CSV); GSM8K, HellaSwag, ARC, BoolQ, HumanEval (JSON lines).
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/names.h"
#include "eval/probe_files.h"

namespace keel {
namespace {

std::string lower_ascii(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}

// The value of a key, whatever its case.
const Json* find_key(const Json& row, const std::string& key) {
  for (const auto& item : row.items())
    if (lower_ascii(item.key()) == lower_ascii(key)) return &item.value();
  return nullptr;
}

const Json& need(const Json& row, const std::string& key) {
  if (const Json* value = find_key(row, key)) return *value;
  std::vector<std::string> keys;
  for (const auto& item : row.items()) keys.push_back(item.key());
  throw RowFault{fmt::format("a row without \"{}\"", key), fmt::format("the key \"{}\"", key),
                 "the row has: " + join(keys)};
}

std::string need_text(const Json& row, const std::string& key) {
  const Json& value = need(row, key);
  if (value.is_string()) return value.get<std::string>();
  throw RowFault{fmt::format("\"{}\": {}", key, to_line(value)), "a text", ""};
}

Json with_id(const Json& row, const char* key, Json out) {
  if (const Json* id = find_key(row, key)) out["id"] = id->is_string() ? id->get<std::string>() : id->dump();
  return out;
}

// MMLU, CMMLU and C-Eval: columns question, A, B, C, D (and further letters), answer.
Json lettered(const Json& row) {
  Json choices = Json::array();
  for (char c = 'A'; c <= 'D' || find_key(row, {c}); ++c) choices.push_back(need_text(row, {c}));
  const std::string answer = need_text(row, "answer");
  const int index = answer.size() == 1 ? (answer[0] & ~0x20) - 'A' : -1;
  if (index < 0 || index >= static_cast<int>(choices.size()))
    throw RowFault{fmt::format("answer \"{}\"", answer), "the letter of a choice", ""};
  return with_id(row, "id",
                 {{"prompt", need_text(row, "question")}, {"choices", choices}, {"answer_index", index}});
}

Json lettered_chinese(const Json& row) {
  Json out = lettered(row);
  out["lang"] = "zh";
  return out;
}

Json gsm8k(const Json& row) {
  const std::string answer = need_text(row, "answer");
  const size_t mark = answer.rfind("####");
  std::string number = mark == std::string::npos ? "" : answer.substr(mark + 4);
  std::erase_if(number, [](char c) { return c == ' ' || c == ',' || c == '$' || c == '\n' || c == '\r'; });
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (number.empty() || error != std::errc() || end != number.data() + number.size())
    throw RowFault{"an answer without a number behind ####", "\"… #### 42\"", ""};
  return {{"prompt", need_text(row, "question")}, {"answer", value}};
}

// label: 2 or "2". "ind" is no id of a row: several files and sources share its numbers.
Json hellaswag(const Json& row) {
  const Json& label = need(row, "label");
  const std::string text = label.is_string() ? label.get<std::string>() : label.dump();
  int index = -1;
  std::from_chars(text.data(), text.data() + text.size(), index);
  if (index < 0)
    throw RowFault{"label " + to_line(label), "the number of the right ending", "test files have none"};
  return {{"prompt", need_text(row, "ctx")}, {"choices", need(row, "endings")}, {"answer_index", index}};
}

// The original {question: {stem, choices: [{text, label}]}} and the hub's {question, choices: {text, label}}.
Json arc(const Json& row) {
  const Json& question = need(row, "question");
  const std::string stem = question.is_object() ? need_text(question, "stem") : need_text(row, "question");
  const Json& given = need(question.is_object() ? question : row, "choices");
  Json texts = Json::array(), labels = Json::array();
  if (given.is_array()) {
    for (const Json& c : given)
      texts.push_back(need_text(c, "text")), labels.push_back(need_text(c, "label"));
  } else {
    texts = need(given, "text"), labels = need(given, "label");
  }
  const std::string key = need_text(row, "answerKey");
  const auto at = std::ranges::find(labels, Json(key));
  if (at == labels.end())
    throw RowFault{fmt::format("answerKey \"{}\"", key), "one of the labels " + to_line(labels), ""};
  return with_id(row, "id", {{"prompt", stem}, {"choices", texts}, {"answer_index", at - labels.begin()}});
}

Json boolq(const Json& row) {
  const char* key = find_key(row, "label") ? "label" : "answer";
  const Json& answer = need(row, key);
  const bool flag = answer.is_boolean() ? answer.get<bool>() : answer == 1;
  if (!answer.is_boolean() && answer != 0 && answer != 1)
    throw RowFault{fmt::format("\"{}\": {}", key, to_line(answer)), "true or false", ""};
  std::string question = need_text(row, "question");
  if (!question.ends_with('?')) question += '?';
  return with_id(row, "idx",
                 {{"prompt", need_text(row, "passage") + "\n\n" + question},
                  {"choices", {"yes", "no"}},
                  {"answer_index", flag ? 0 : 1}});
}

// NLL of the reference solution as the reply to the prompt; nothing is run.
Json humaneval(const Json& row) {
  const std::string prompt = need_text(row, "prompt"), solution = need_text(row, "canonical_solution");
  return with_id(
      row, "task_id",
      {{"messages",
        {{{"role", "user"}, {"content", prompt}}, {{"role", "assistant"}, {"content", solution}}}}});
}

}  // namespace

const std::vector<ProbeFormat>& probe_formats() {
  static const std::vector<ProbeFormat> kFormats{
      {"mmlu", "choice", "knowledge", true, lettered},
      {"cmmlu", "choice", "knowledge", true, lettered_chinese},
      {"ceval", "choice", "knowledge", true, lettered_chinese},
      {"gsm8k", "number", "math", false, gsm8k},
      {"hellaswag", "choice", "reasoning", false, hellaswag},
      {"arc", "choice", "knowledge", false, arc},
      {"boolq", "choice", "reasoning", false, boolq},
      {"humaneval", "nll", "code", false, humaneval},
  };
  return kFormats;
}

bool has_table_header(std::string_view bytes) {
  std::string first = lower_ascii(std::string(bytes.substr(0, bytes.find('\n'))));
  std::erase(first, '"');
  return first.find("question") != std::string::npos && first.find("answer") != std::string::npos &&
         first.find(",a,b,c,d") != std::string::npos;
}

}  // namespace keel
