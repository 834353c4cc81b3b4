// A plan's YAML file, value by value; a value that is not what it should be becomes a problem with its line.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "config/yaml_file.h"

namespace keel {

// Values are named by JSON pointer ("/eval/half"); null counts as not given.
class PlanFile {
 public:
  explicit PlanFile(const std::string& path) : path_(path), file_(read_yaml_file(path)) {}

  const Json* value(const std::string& pointer) const;
  std::string place(const std::string& pointer) const;  // "plan.yaml:12"

  // What is of another kind gives `otherwise`, or an empty list, and a problem.
  std::string text(const std::string& pointer, const std::string& otherwise);
  std::string word(const std::string& pointer, const std::string& otherwise,
                   const std::vector<std::string>& known);
  bool yes_or_no(const std::string& pointer, bool otherwise);

  // Of a list without a number twice; empty when it is not given.
  template <class Number>
  std::vector<Number> numbers(const std::string& pointer, bool (*fits)(const Json&), const char* wanted) {
    std::vector<Number> out;
    for (const Json& number : list(pointer, fits, wanted)) out.push_back(number.get<Number>());
    return out;
  }

  void check_keys(const std::string& pointer, const std::vector<std::string>& known);
  void problem(const std::string& pointer, std::string found, std::string wanted, std::string hint = {});
  void add(const ErrorText& problem);  // one that is known already is not told again

  const std::string& path() const { return path_; }
  const std::vector<ErrorText>& problems() const { return problems_; }

 private:
  std::vector<Json> list(const std::string& pointer, bool (*fits)(const Json&), const char* wanted);

  std::string path_;
  YamlFile file_;
  std::vector<ErrorText> problems_;
};

}  // namespace keel
