// Small subjects for the doctor's tests.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "doctor/diagnose.h"
#include "doctor/subject.h"

namespace keel::test {

inline Json say(const char* role, const std::string& content) {
  return {{"role", role}, {"content", content}};
}

inline Record chat_row(const std::string& question, const std::string& answer, int line) {
  Record r{.place = "rows.jsonl:" + std::to_string(line)};
  r.messages = Json::array({say("user", question), say("assistant", answer)});
  return r;
}

using QuestionAnswers = std::vector<std::pair<std::string, std::string>>;

inline RowSet row_set(const QuestionAnswers& rows, const std::string& name = "rows.jsonl") {
  RowSet set{.sources = {{.name = name, .schema = "openai"}}};
  for (const auto& [question, answer] : rows)
    set.records.push_back(chat_row(question, answer, static_cast<int>(set.records.size()) + 1));
  set.source.assign(set.records.size(), 0);
  return set;
}

inline Subject subject_of(const QuestionAnswers& rows) {
  Subject s;
  s.train = examine(row_set(rows), s.data, nullptr);
  return s;
}

inline const Finding* find(const Diagnosis& d, const std::string& code) {
  for (const Finding& f : d.findings) {
    if (f.code == code) return &f;
  }
  return nullptr;
}

// n words of which no five in a row come twice.
inline std::string words(int from, int n) {
  std::string out;
  for (int i = from; i < from + n; ++i) out += "w" + std::to_string(i) + " ";
  return out;
}

}  // namespace keel::test
