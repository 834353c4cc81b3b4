// A component names its options once, in fields(): flag, YAML key, default, help, aliases, range and choices.
// Parsing, help, dump and docs (config/) are all made from the FieldRef list that a FieldCollector gathers.
//
//   struct AdamWOptions {
//     double learning_rate = 2e-5;
//     template <class V> void fields(V& v) {
//       v.group("optimiser");
//       v("learning_rate", learning_rate, "peak learning rate", {.aliases = {"lr"}, .min = 0});
//     }
//   };
//
// Names are flat (the field's common tongue is flat), so no two components may use one name; config/ checks
// that.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/json.h"

namespace keel {

// A Json field takes any YAML node (the datasets: list, per-source tables).
using FieldValue =
    std::variant<bool*, int64_t*, double*, std::string*, std::vector<std::string>*, std::vector<double>*,
                 std::optional<double>*, std::optional<int64_t>*, std::optional<bool>*, Json*>;

struct FieldExtra {
  std::vector<std::string> aliases = {};     // other names of the field that users know
  std::vector<std::string> choices = {};     // allowed values of a string; empty: any
  std::optional<double> min = {}, max = {};  // of a list of numbers: of each
  bool free_on_resume =
      false;  // alters neither weights nor what is measured: may differ when a run is resumed
};

struct FieldRef {
  std::string name, group, help;
  FieldValue value;
  FieldExtra extra;
};

class FieldCollector {
 public:
  void group(std::string name) { group_ = std::move(name); }

  template <class T>
  void operator()(std::string name, T& value, std::string help, FieldExtra extra = {}) {
    fields_.push_back({std::move(name), group_, std::move(help), &value, std::move(extra)});
  }

  std::vector<FieldRef> take() { return std::move(fields_); }

 private:
  std::string group_;
  std::vector<FieldRef> fields_;
};

template <class Options>
std::vector<FieldRef> collect_fields(Options& options) {
  FieldCollector collector;
  options.fields(collector);
  return collector.take();
}

}  // namespace keel
