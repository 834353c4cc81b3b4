// An object that a user wrote, against the keys that are known. All its mistakes are told at once.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace keel {

class JsonEntry {
 public:
  // object and problems have to outlive this. where: of the object, for the problems.
  JsonEntry(const Json& object, std::string where, std::vector<ErrorText>& problems);

  // The value of the first of these names that is there and not null; the others are names that users know.
  const Json* take(std::initializer_list<const char*> names);

  // What is not of the kind is a problem and leaves target as it is.
  void text(std::initializer_list<const char*> names, std::string& target);
  std::optional<int64_t> whole(std::initializer_list<const char*> names, int64_t least);
  std::optional<double> number(std::initializer_list<const char*> names, bool (*fits)(double),
                               const char* wanted);

  void problem(const std::string& key, std::string found, std::string wanted, std::string hint = {});
  void unknown_keys();  // those that were never asked for, each with the nearest known one

  const char* last_name() const { return name_; }  // that the last value was found under
  const std::string& where() const { return where_; }
  std::vector<ErrorText>& problems() { return problems_; }

 private:
  const Json& object_;
  std::string where_;
  std::vector<ErrorText>& problems_;
  std::vector<std::string> known_;
  const char* name_ = "";
};

// For messages: one line, cut where it is long.
std::string shown(const Json& value);

}  // namespace keel
